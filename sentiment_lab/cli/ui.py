"""`sentiment-lab ui`: open the MLflow UI of the right store, at a study."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders

LOOPBACK = "127.0.0.1"
PAGE = "/#/experiments?workflowType=machine_learning"
STUDY_PAGE = "/#/experiments/{}/runs?workflowType=machine_learning&viewStateShareKey={}"
"""Without the workflow type, the UI opens its pages for language-model applications."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "If MLFLOW_TRACKING_URI names a server, its address is printed."
    parser = add_command(commands, "ui", run, "serve the MLflow UI on this machine, at a study", details)
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default: %(default)s)")
    parser.add_argument("--study", metavar="NAME", help="the study to open (default: the study of the newest run)")
    add_folders(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return ui(options.store, options.port, options.study)


def ui(store: str, port: int, study: str | None = None) -> int:
    """Serve the UI of a store on loopback until interrupted, or print the address of a server that has a UI.

    `study` is the study to open, by default that of the newest run. Raises RunError if there is no store, the store
    fails or has no such study, or the port is in use.
    """
    from sentiment_lab.runs.folder import RunError
    from sentiment_lab.tracking.address import checked_address, sqlite_address, sqlite_file

    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri:
        uri = checked_address(uri, "MLFLOW_TRACKING_URI")
    if uri.startswith(("http://", "https://")):
        print(uri.rstrip("/") + _page(uri, study))
        return 0
    root = Path(store).absolute()
    if not uri and not (root / "mlflow.db").is_file():
        raise RunError(f"no MLflow store in {root}; `sentiment-lab train` creates one, --store sets another folder")
    _check_port(port)
    backend = uri or sqlite_address(root / "mlflow.db", "--store")
    database = sqlite_file(backend)
    if database:
        _warn_of_copy(database)
    print_message(f"MLflow UI on http://{LOOPBACK}:{port}{_page(backend, study)}  (Ctrl-C ends it)")
    options = ["--backend-store-uri", backend, "--default-artifact-root"]
    options += [((database.parent if database else root) / "artifacts").as_uri()]
    options += ["--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return _serve([sys.executable, "-m", "mlflow", "server", *options], environment)


def _warn_of_copy(database: Path) -> None:
    """Print that the figures of a copied or moved store are not its own; only commands that write record new ones."""
    from sentiment_lab.tracking.database import former_folders

    for folder in former_folders(database):
        hint = "`sentiment-lab sync` corrects that"
        print_message(f"{database} was copied or moved: its artifacts are recorded in {folder}; {hint}")


def _page(uri: str, study: str | None) -> str:
    """Return the path of a study in the UI, or of the list of studies if there is none yet."""
    from sentiment_lab.runs.folder import RunError
    from sentiment_lab.tracking.address import experiment_name
    from sentiment_lab.tracking.store import Store
    from sentiment_lab.tracking.views import FIRST_VIEW

    store = Store(uri, None)
    try:
        experiment = store.study_id(study and experiment_name(study))
    except LabError:
        raise
    except Exception as error:  # stores raise errors of many kinds
        raise RunError(store.message(error)) from error
    if experiment:
        return STUDY_PAGE.format(experiment, FIRST_VIEW)
    if study is not None:
        raise RunError(f"the MLflow store {uri} has no runs of the study {study!r}")
    return PAGE


def _serve(command: list[str], environment: dict[str, str]) -> int:
    """Run the server in its own process group and end the whole group; otherwise its workers would survive it."""
    import signal
    import subprocess

    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:  # the regular end
            return 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def _check_port(port: int) -> None:
    import socket

    from sentiment_lab.runs.folder import RunError

    with socket.socket() as probe:
        if probe.connect_ex((LOOPBACK, port)) == 0:
            raise RunError(f"port {port} is in use on this machine; choose another with --port")
