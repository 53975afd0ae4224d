"""Mirroring runs and sweeps to MLflow, and its model registry. No other package imports mlflow."""

import os

# By default MLflow truncates long values silently, and prints progress bars, URLs and tracebacks of errors that it also
# raises. It repeats a request that gets no answer, even one that creates a run; `Store.retry` repeats it only after
# checking what the server did with the first. Telemetry is off because no user requested it.
for _name, _value in {
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)
