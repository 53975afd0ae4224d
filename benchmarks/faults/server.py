"""Stop and start a real `mlflow server` on loopback while it tracks a run.

First the server is stopped and restarted several times while the run trains; then it is stopped for the rest of a run
and restarted only after the run has ended. The run must end with exit code 0 in both cases. If the store is incomplete
afterwards, the same command (first case) or `sentiment-lab sync` (second case) must complete it: the server's store
then equals the run folder, with every metric once.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.faults.command import STUDY, Workspace, finish
from benchmarks.faults.mlflow_db import MlflowDatabase
from benchmarks.faults.report import Scenario

_RUN = [
    "model=gru",
    "model.units=[32]",
    "data.reviews=8000",
    "training.batch_size=16",
    "launch.checkpoint_minutes=null",
]
EPOCHS = 14
"""Epochs for each restart of the server; a start takes the server ten seconds."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """An MLflow server with its own store."""

    root: Path
    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The tracking URI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> MlflowDatabase:
        """Its database and its artifacts."""
        return MlflowDatabase(
            self.root / "mlflow.db", lambda uri: self.root / "artifacts" / uri.removeprefix("mlflow-artifacts:/")
        )

    def start(self) -> None:
        """Start the server and wait until it responds."""
        self.root.mkdir(parents=True, exist_ok=True)
        options = ["--backend-store-uri", f"sqlite:///{self.root / 'mlflow.db'}", "--workers", "1"]
        options += ["--artifacts-destination", (self.root / "artifacts").as_uri()]
        options += ["--host", "127.0.0.1", "--port", str(self.port)]
        with (self.root / "server.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *options],
                cwd=self.root,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_for(self._responds)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server and its workers."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._process.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None

    def _responds(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
        return False


def run(count: int, seed: int, root: Path) -> Scenario:
    """Restart the server `count` times within one run, then stop it for the rest of another run."""
    scenario = Scenario("server", "MLflow server stopped during a run and started again, or only after the run")
    random = Random(seed)  # noqa: S311  # nothing secret
    _restart_during_run(scenario, count, random, root / "restarts")
    _stop_until_end(scenario, random, root / "stopped")
    return scenario


def _restart_during_run(scenario: Scenario, count: int, random: Random, root: Path) -> None:
    with _tracked_run(root, EPOCHS * count) as (server, workspace, process):
        for _ in range(count):
            server.stop(random.choice([signal.SIGTERM, signal.SIGKILL]))
            time.sleep(random.uniform(0.5, 6))
            server.start()
            time.sleep(random.uniform(0, 4))
        alive = process.poll() is None
        problems = [] if alive else [f"the run ended before the server had been restarted {count} times"]
        code = finish(process)
        problems += [f"exit code {code}: {workspace.log[-500:]}"] if code else []
        missing = _mismatches(server, workspace)
        if missing:
            problems += [f"`train` again: exit code {code}" for code in [workspace.run()] if code]
        problems += _mismatches(server, workspace)
        scenario.add_result(f"server restarted {count} times", problems, count)
        scenario.notes.append(
            f"{len(missing)} entries were missing in the store when a run of {_seconds(workspace):.0f} s ended"
        )


def _stop_until_end(scenario: Scenario, random: Random, root: Path) -> None:
    with _tracked_run(root, 8) as (server, workspace, process):
        time.sleep(random.uniform(0, 3))
        server.stop()
        code = finish(process)
        problems = [f"exit code {code}: {workspace.log[-500:]}"] if code else []
        missing = _mismatches(server, workspace)
        server.start()
        problems += [] if missing else ["the store was complete before the server was started again"]
        code = workspace.sync(f"tracking.uri={server.uri}")
        problems += [f"sync: exit code {code}: {workspace.log[-500:]}"] if code else []
        problems += _mismatches(server, workspace)
        scenario.add_result("server stopped until the run ended", problems)
        scenario.notes.append(
            f"{len(missing)} entries were missing in the store after a run whose server stayed stopped, before `sync`"
        )


@contextmanager
def _tracked_run(root: Path, epochs: int) -> Iterator[tuple[Server, Workspace, subprocess.Popen[str]]]:
    """Start a server and a run that it tracks, and wait until the server has the run's first epoch."""
    server = Server(root / "server")
    server.start()
    arguments = [*_RUN, f"training.epochs={epochs}", f"tracking.uri={server.uri}"]
    workspace = Workspace(root, arguments, root.parent / "cache")
    process = workspace.start()
    try:
        _wait_for(lambda: bool(server.store.rows("select 1 from metrics where key = 'train_loss'")))
        yield server, workspace, process
    finally:
        process.kill()
        process.wait()
        server.stop()


def _mismatches(server: Server, workspace: Workspace) -> list[str]:
    return server.store.mismatches(STUDY, workspace.runs, sweeps=0)


def _seconds(workspace: Workspace) -> float:
    (run,) = workspace.runs
    return run.result().train_seconds


def _wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition was not met within {seconds:.0f} s")
        time.sleep(0.1)
