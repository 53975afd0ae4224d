"""Stop and start a real `mlflow server` on loopback while a run is tracked on it.

Once the server goes and comes back again and again while the run trains; once it goes for good and is back only when
the run is over. The run must end with 0 in both cases. Where the store lacks something then, the same command, and once
`sentiment-lab sync`, must bring it: afterwards the server's store equals the run's folder, every metric once.
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

from benchmarks.faults.command import STUDY, Place, finish
from benchmarks.faults.report import Part
from benchmarks.faults.stored import Stored

_RUN = [
    "model=gru",
    "model.units=[32]",
    "data.reviews=8000",
    "training.batch_size=16",
    "launch.checkpoint_minutes=null",
]
EPOCHS = 14
"""Epochs for each time that the server goes: the server alone needs ten seconds to come back."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """An MLflow server with a store of its own."""

    root: Path
    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The address that a run is tracked at."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Stored:
        """Its database and its files."""
        return Stored(
            self.root / "mlflow.db", lambda uri: self.root / "artifacts" / uri.removeprefix("mlflow-artifacts:/")
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.root.mkdir(parents=True, exist_ok=True)
        words = ["--backend-store-uri", f"sqlite:///{self.root / 'mlflow.db'}", "--workers", "1"]
        words += ["--artifacts-destination", (self.root / "artifacts").as_uri()]
        words += ["--host", "127.0.0.1", "--port", str(self.port)]
        with (self.root / "server.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *words],
                cwd=self.root,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_for(self._answers)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it and its workers."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._process.wait(60)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
        return False


def run(count: int, seed: int, root: Path) -> Part:
    """Stop and start the server so many times within one run, then leave it away to the end of another."""
    part = Part("server", "MLflow server stopped during a run and started again, or only after the run")
    random = Random(seed)  # noqa: S311  # nothing secret
    _goes_and_comes(part, count, random, root / "comes")
    _stays_away(part, random, root / "away")
    return part


def _goes_and_comes(part: Part, count: int, random: Random, root: Path) -> None:
    with _tracked(root, EPOCHS * count) as (server, place, process):
        for _ in range(count):
            server.stop(random.choice([signal.SIGTERM, signal.SIGKILL]))
            time.sleep(random.uniform(0.5, 6))
            server.start()
            time.sleep(random.uniform(0, 4))
        alive = process.poll() is None
        wrong = [] if alive else [f"the run was over before the server had come back {count} times"]
        code = finish(process)
        wrong += [f"exit code {code}: {place.log[-500:]}"] if code else []
        lacking = _lacking(server, place)
        if lacking:
            wrong += [f"`train` again: exit code {code}" for code in [place.run()] if code]
        wrong += _lacking(server, place)
        part.record(f"server gone {count} times", wrong, count)
        part.notes.append(f"when a run of {_seconds(place):.0f} s ended, its store lacked {len(lacking)} things")


def _stays_away(part: Part, random: Random, root: Path) -> None:
    with _tracked(root, 8) as (server, place, process):
        time.sleep(random.uniform(0, 3))
        server.stop()
        code = finish(process)
        wrong = [f"exit code {code}: {place.log[-500:]}"] if code else []
        lacking = _lacking(server, place)
        server.start()
        wrong += [] if lacking else ["the store was whole before the server came back"]
        wrong += [
            f"sync: exit code {code}: {place.log[-500:]}" for code in [place.sync(f"tracking.uri={server.uri}")] if code
        ]
        wrong += _lacking(server, place)
        part.record("server gone to the end", wrong)
        part.notes.append(f"without its server to the end, the store lacked {len(lacking)} things; then `sync`")


@contextmanager
def _tracked(root: Path, epochs: int) -> Iterator[tuple[Server, Place, subprocess.Popen[str]]]:
    """Start a server and a run on it, and wait until the server has the run's first epoch."""
    server = Server(root / "server")
    server.start()
    place = Place(root, [*_RUN, f"training.epochs={epochs}", f"tracking.uri={server.uri}"], root.parent / "cache")
    process = place.start()
    try:
        _wait_for(lambda: bool(server.store.rows("select 1 from metrics where key = 'train_loss'")))
        yield server, place, process
    finally:
        process.kill()
        process.wait()
        server.stop()


def _lacking(server: Server, place: Place) -> list[str]:
    return server.store.mismatches(STUDY, place.runs, sweeps=0)


def _seconds(place: Place) -> float:
    (run,) = place.runs
    return run.result().train_seconds


def _wait_for(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.1)
