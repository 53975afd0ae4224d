"""A temporary PostgreSQL and a temporary MLflow server on loopback, for measurements and tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from benchmarks.protocol import ROOT

LOOPBACK = "127.0.0.1"
DEPLOY = ROOT / "deploy"
START_SECONDS = 120.0
USER, PASSWORD = "mlflow", "correct horse"  # of a temporary database
ADMIN = "administrator's secret"


class MissingError(Exception):
    """A program is not installed; the text contains the command that installs it."""


def find_postgres() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises MissingError if PostgreSQL is not installed.
    """
    programs = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        *map(Path, filter(None, [shutil.which("initdb")])),
    ]
    if not programs:
        raise MissingError("PostgreSQL is not installed; on Debian: apt install postgresql")
    return programs[-1].parent


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres(databases: tuple[str, ...] = ("mlflow", "mlflow_auth")) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL with empty databases; yield the PG... variables for its clients."""
    programs, port = find_postgres(), free_port()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / "password").write_text(PASSWORD + "\n", encoding="utf-8")
        owner = _postgres_user(Path(folder))
        data = f"{folder}/data"

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [*owner, str(programs / program), *arguments], check=True, capture_output=True, cwd=folder, timeout=120
            )

        run("initdb", "-D", data, "-U", USER, f"--pwfile={folder}/password", "--auth=scram-sha-256", "--encoding=UTF8")
        options = f"-p {port} -k {folder} -c listen_addresses={LOOPBACK} -c max_connections=200"
        run("pg_ctl", "-D", data, "-l", f"{folder}/log", "-w", "-o", options, "start")
        variables = {"PGHOST": LOOPBACK, "PGPORT": str(port), "PGUSER": USER, "PGPASSWORD": PASSWORD}
        try:
            for database in databases:
                psql("postgres", f"create database {database}", variables)
            yield variables
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


def _postgres_user(folder: Path) -> list[str]:
    """Return the prefix of a command that must not run as root, and make the postgres user the owner of the folder."""
    if os.geteuid() != 0:
        return []
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "postgres", "postgres")
    return ["runuser", "-u", "postgres", "--"]


def psql(database: str, statement: str, variables: Mapping[str, str]) -> str:
    """Run a statement; return its rows, one per line."""
    command = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname", database]
    done = subprocess.run(
        [*command, "--command", statement],
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.stdout.strip()


def deployed(database: Mapping[str, str], folder: Path, port: int) -> dict[str, str]:
    """Return the variables of deploy/server.env.example, changed for a server on this machine."""
    lines = (DEPLOY / "server.env.example").read_text(encoding="utf-8").splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    changed = {
        **database,
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_HOST": LOOPBACK,
        "MLFLOW_PORT": str(port),
        "MLFLOW_WORKERS": "2",
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{LOOPBACK}:{port}",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "http://mlflow.team:5000",
        "MLFLOW_AUTH_CONFIG_PATH": str(DEPLOY / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "random",
    }
    if unknown := changed.keys() - example.keys():
        raise KeyError(f"deploy/server.env.example must define {', '.join(unknown)}")
    return {**example, **changed}


def _inherited() -> dict[str, str]:
    """Return the environment of this process without the variables of MLflow."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}


class Server:
    """An `mlflow server` that can be stopped and started again."""

    def __init__(self, environment: Mapping[str, str], log: Path, *options: str) -> None:
        self._environment, self._log, self._options = environment, log, options
        self.uri = f"http://{LOOPBACK}:{environment['MLFLOW_PORT']}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it responds."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *self._options],
                env={**_inherited(), **self._environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while not self._responds():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"mlflow server did not start:\n{self._log.read_text(encoding='utf-8')[-3000:]}")
            time.sleep(0.2)

    def _responds(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{self.uri}/health", timeout=5).ok
        return False

    def stop(self) -> None:
        """Kill the server and its workers."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=60)
            self._process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
