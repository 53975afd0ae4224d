"""The mirror in MLflow: the store, one run for each run, one parent for each sweep. Nothing else imports mlflow."""

import os

# MLflow cuts long values silently unless told not to; its progress bars, and the traces of errors that it raises as
# well, have no place in our output; and its patience with a server that is away (minutes) would hold up the end of a
# run, which `sync` makes good in any case. Nobody asked for its telemetry.
for _name, _value in {
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)
