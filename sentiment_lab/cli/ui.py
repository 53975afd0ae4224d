"""`sentiment-lab ui`: the MLflow UI on the right store, at a study."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.runs.folder import RunError
from sentiment_lab.tracking.address import checked_address, experiment_name

LOOPBACK = "127.0.0.1"
PAGE = "/#/experiments?workflowType=machine_learning"
STUDY_PAGE = "/#/experiments/{}/runs?workflowType=machine_learning&viewStateShareKey={}"
"""Without the workflow type the UI opens on its pages for language-model applications."""


def ui(store: str, port: int, study: str | None = None) -> int:
    """Serve the store on loopback until interrupted; a tracking server that is named already has a UI.

    `study` is the one to open, by default that of the newest run. Raises RunError when there is no store, it fails, it
    has no such study, or the port is taken.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri:
        checked_address(uri, "MLFLOW_TRACKING_URI")
    if uri.startswith(("http://", "https://")):
        print(uri.rstrip("/") + _page(uri, study))
        return 0
    root = Path(store).absolute()
    if not uri and not (root / "mlflow.db").is_file():
        raise RunError(f"no MLflow store in {root}; `sentiment-lab train` makes one, --store names another")
    _check_port(port)
    backend = uri or f"sqlite:///{root / 'mlflow.db'}"
    print_message(f"MLflow UI on http://{LOOPBACK}:{port}{_page(backend, study)}  (Ctrl-C ends it)")
    words = ["--backend-store-uri", backend, "--default-artifact-root", (root / "artifacts").as_uri()]
    words += ["--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return _serve([sys.executable, "-m", "mlflow", "server", *words], environment)


def _page(uri: str, study: str | None) -> str:
    """Return where in the UI a study is, or the list of all studies where there is none yet."""
    from sentiment_lab.tracking.store import Store
    from sentiment_lab.tracking.views import FIRST_VIEW

    store = Store(uri, None)
    try:
        found = store.study_id(study and experiment_name(study))
    except LabError:
        raise
    except Exception as error:  # whatever a store raises
        raise RunError(store.message(error)) from error
    if found:
        return STUDY_PAGE.format(found, FIRST_VIEW)
    if study is not None:
        raise RunError(f"the MLflow store {uri} has no runs of the study {study!r}")
    return PAGE


def _serve(command: list[str], environment: dict[str, str]) -> int:
    """Run the server in a process group of its own and end the whole group: its workers outlive it otherwise."""
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:  # the way to end it
            return 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((LOOPBACK, port)) == 0:
            raise RunError(f"port {port} is taken on this machine; --port chooses another")
