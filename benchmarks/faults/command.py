"""Run `sentiment-lab` as a user does: in a separate process, with the code of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment_lab.config.resources import PACKAGE
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.listing import list_runs

STUDY = "faults"
TIMEOUT = 900.0
"""Seconds after which a command counts as hanging."""


@dataclass(frozen=True)
class Workspace:
    """A folder with its own runs and store, and the `train` command that is repeated there."""

    root: Path
    arguments: Sequence[str]
    """Arguments of `train`: overrides, and -m for a sweep."""
    cache: Path

    @property
    def database(self) -> Path:
        """The SQLite file of the store."""
        return self.root / "mlflow.db"

    @property
    def runs(self) -> list[RunFolder]:
        """The runs that were started here."""
        return list_runs(self.root / "runs")

    def start(self) -> subprocess.Popen[str]:
        """Start `train`; its output is appended to `log.txt`."""
        return self._start(["train", *self.arguments, f"study.name={STUDY}", "launch.progress=none"])

    def run(self) -> int:
        """Run `train` to its end and return its exit code."""
        return finish(self.start())

    def sync(self, *arguments: str) -> int:
        """Update the store with `sentiment-lab sync` and return its exit code."""
        return finish(self._start(["sync", *arguments]))

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        self.root.mkdir(parents=True, exist_ok=True)
        unset = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        folders = {"paths.runs": self.root / "runs", "paths.store": self.root, "paths.cache": self.cache}
        overrides = [f"{key}={path}" for key, path in folders.items()]
        with (self.root / "log.txt").open("a", encoding="utf-8") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "sentiment_lab", *arguments, *overrides],
                cwd=self.root,
                env={**environment, "PYTHONPATH": str(PACKAGE.parent)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                text=True,
            )

    @property
    def log(self) -> str:
        """The output of all commands so far."""
        return (self.root / "log.txt").read_text(encoding="utf-8", errors="replace")


def finish(process: subprocess.Popen[str], timeout: float = TIMEOUT) -> int:
    """Wait for a command and return its exit code.

    Raises subprocess.TimeoutExpired, after killing the command, when it takes longer than `timeout` seconds.
    """
    try:
        return process.wait(timeout)
    except BaseException:
        process.kill()
        process.wait()
        raise
