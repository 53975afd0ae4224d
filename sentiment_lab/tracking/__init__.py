"""The mirror in MLflow: the store, one run for each run, one parent for each sweep. Nothing else imports mlflow."""

import os

# MLflow cuts long values silently unless told not to; its progress bars, addresses, and the traces of errors that it
# raises as well, have no place in our output. It would repeat any request whose answer does not come, also one that
# makes a run: we repeat ourselves, after looking what the server has made of the first (`Store.patiently`). Nobody
# asked for its telemetry.
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
