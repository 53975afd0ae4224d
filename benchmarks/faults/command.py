"""Start `sentiment-lab` as a user does: in processes of their own, on the tree that this benchmark stands in."""

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
PATIENCE = 900.0
"""Seconds after which a command is taken to hang."""


@dataclass(frozen=True)
class Place:
    """A folder with runs and a store of its own, and one command that is given there again and again."""

    root: Path
    words: Sequence[str]
    """Overrides of the command, -m among them where it is a sweep."""
    cache: Path

    @property
    def database(self) -> Path:
        """The SQLite file of the store."""
        return self.root / "mlflow.db"

    @property
    def runs(self) -> list[RunFolder]:
        """The runs that were begun here."""
        return list_runs(self.root / "runs")

    def start(self) -> subprocess.Popen[str]:
        """Give the command; what it says is appended to `log.txt`."""
        return self._started(["train", *self.words, f"study.name={STUDY}", "launch.progress=none"])

    def run(self) -> int:
        """Give the command and return its exit code."""
        return finish(self.start())

    def sync(self, *words: str) -> int:
        """Bring the store up to date by `sentiment-lab sync` and return its exit code."""
        return finish(self._started(["sync", *words]))

    def _started(self, words: Sequence[str]) -> subprocess.Popen[str]:
        self.root.mkdir(parents=True, exist_ok=True)
        unset = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        folders = {"paths.runs": self.root / "runs", "paths.store": self.root, "paths.cache": self.cache}
        with (self.root / "log.txt").open("a", encoding="utf-8") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "sentiment_lab", *words, *(f"{key}={path}" for key, path in folders.items())],
                cwd=self.root,
                env={**environment, "PYTHONPATH": str(PACKAGE.parent)},
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                text=True,
            )

    @property
    def log(self) -> str:
        """What the commands have said so far."""
        return (self.root / "log.txt").read_text(encoding="utf-8", errors="replace")


def finish(process: subprocess.Popen[str], patience: float = PATIENCE) -> int:
    """Wait for a command and return its exit code; one that hangs is ended.

    Raises subprocess.TimeoutExpired for that one.
    """
    try:
        return process.wait(patience)
    except BaseException:
        process.kill()
        process.wait()
        raise
