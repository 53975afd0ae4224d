"""One folder for each run, named by its config hash. The folder is the truth; MLflow is its mirror.

`config.json` (canonical), `overrides.yaml`, `environment.txt` and `code.diff` are written first, `journal.jsonl` while
the run lives, then `model/` and `predictions.parquet`, and `result.json` last, by rename: it means *complete*.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from sentiment_lab.config import Config
from sentiment_lab.errors import LabError
from sentiment_lab.identity import SHORT, CodeVersion, canonical_json, config_hash
from sentiment_lab.observer import Observer
from sentiment_lab.result import EpochRecord, Result, result_from_json, result_to_json
from sentiment_lab.schema import ConfigError, did_you_mean

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset
    from sentiment_lab.training import Outcome, Predictions


class RunError(LabError):
    """A run's folder that cannot be used as asked; the text names the folder or the hash."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def of(cls, config: Config) -> RunFolder:
        """Return the folder that this config's run has, whether it is there or not."""
        return cls(Path(config.paths.runs).absolute() / config_hash(config)[:SHORT])

    @property
    def short_hash(self) -> str:
        """First digits of the config hash."""
        return self.path.name

    @property
    def model(self) -> Path:
        """Folder of the trained model."""
        return self.path / "model"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    @property
    def state(self) -> str:
        """new, complete, running, failed or interrupted: read from what is on disk."""
        if (self.path / "result.json").is_file():
            return "complete"
        events = self.events()
        if not events:
            return "new"
        if self._is_locked():
            return "running"
        return "failed" if events[-1]["event"] == "failed" else "interrupted"

    def events(self) -> list[dict[str, Any]]:
        """Return the journal: started, epoch, failed, killed, completed; a last line cut short is left out."""
        try:
            lines = (self.path / "journal.jsonl").read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines[:-1]]

    def config(self) -> dict[str, Any]:
        """Return the canonical config as plain data.

        Raises RunError when it is missing or damaged.
        """
        return dict(json.loads(self._read("config.json")))

    def overrides(self) -> list[str]:
        """Return the overrides that composed the run."""
        text = self._read("overrides.yaml")
        return [str(json.loads(line[2:])) for line in text.split("\n") if line.startswith("- ")]

    def result(self) -> Result:
        """Return the result of a complete run.

        Raises RunError when it is missing or damaged.
        """
        text = self._read("result.json")
        try:
            return result_from_json(text)
        except (ValueError, ConfigError) as error:
            what = str(error).splitlines()[0]
            raise RunError(f"{self.path / 'result.json'} is damaged: {what}") from error

    def prepare(
        self, config: Config, overrides: Sequence[str], code: CodeVersion, environment: Mapping[str, str]
    ) -> None:
        """Start the folder afresh with what is known before training."""
        for old in ("result.json", "journal.jsonl", "predictions.parquet", "code.diff"):
            (self.path / old).unlink(missing_ok=True)
        for old_folder in (self.model, self.figures):
            shutil.rmtree(old_folder, ignore_errors=True)
        write_whole(self.path / "config.json", canonical_json(config) + "\n")
        write_whole(self.path / "overrides.yaml", "".join(f"- {json.dumps(text)}\n" for text in overrides))
        facts = {"code_version": code.version, **environment}
        write_whole(self.path / "environment.txt", "".join(f"{key}: {value}\n" for key, value in facts.items()))
        if code.diff:
            write_whole(self.path / "code.diff", code.diff)

    def append(self, event: str, **facts: Any) -> None:
        """Add one line to the journal and flush it to disk."""
        line = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **facts}
        with (self.path / "journal.jsonl").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def write_outcome(self, outcome: Outcome, draw: Callable[[Path], None] | None) -> None:
        """Write model, predictions, figures where they are drawn and, last, the result that makes the run complete."""
        building = self.path / "model.building"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        outcome.classifier.save(building)
        building.rename(self.model)
        _write_predictions(self.path / "predictions.parquet", outcome.predictions)
        if draw:
            self.figures.mkdir()
            draw(self.figures)
        write_whole(self.path / "result.json", result_to_json(outcome.result))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; the lock of a process that died is free.

        Raises RunError naming who holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.path / "lock").acquire(timeout=0)
        except Timeout as error:
            raise RunError(f"run {self.short_hash} is being trained by {self._holder()}") from error
        with lock:
            yield

    def _is_locked(self) -> bool:
        try:
            with FileLock(self.path / "lock").acquire(timeout=0):
                return False
        except Timeout:
            return True

    def _holder(self) -> str:
        starts = [event for event in self.events() if event["event"] == "started"]
        if not starts:
            return "another process that has just started"
        return "process {pid} on {host} since {time}".format(**starts[-1])

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise RunError(f"run {self.short_hash} has no {name}: it is {self.state}") from error


class Journal(Observer):
    """Writes the events of a run into its folder."""

    def __init__(self, folder: RunFolder, study: str, name: str) -> None:
        self._folder, self._study, self._name = folder, study, name

    def started(self) -> None:
        """Write who runs it, and for which study."""
        self._folder.append("started", study=self._study, name=self._name, host=socket.gethostname(), pid=os.getpid())

    def data_ready(self, dataset: Dataset) -> None:
        """Write which reviews it has."""
        self._folder.append("data", data_hash=dataset.data_hash, split_hash=dataset.split_hash)

    def epoch_ended(self, record: EpochRecord) -> None:
        """Write the epoch's numbers."""
        self._folder.append("epoch", **asdict(record))

    def completed(self, outcome: Outcome) -> None:
        """Write that the run is whole."""
        self._folder.append("completed", weights_digest=outcome.result.weights_digest)

    def stopped(self, status: str, reason: str) -> None:
        """Write why it ended early."""
        self._folder.append(status, reason=reason)


def list_runs(root: Path) -> list[RunFolder]:
    """Return the run folders below a root, oldest first."""
    found = [path.parent for path in root.glob("*/config.json")] if root.is_dir() else []
    return [RunFolder(path) for path in sorted(found, key=lambda path: (path / "config.json").stat().st_mtime)]


def find_run(root: Path, prefix: str) -> RunFolder:
    """Return the one run whose hash begins with `prefix`.

    Raises RunError when there is none or more than one.
    """
    known = {run.short_hash: run for run in list_runs(root)}
    wanted = prefix.lower()[:SHORT]
    found = [name for name in known if wanted and name.startswith(wanted)]
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise RunError(f"{prefix!r} is the beginning of several runs: {', '.join(sorted(found))}")
    if not known:
        raise RunError(f"no run {prefix!r}: there are no runs below {root}; `sentiment-lab train` makes one")
    raise RunError(f"no run {prefix!r} below {root}{did_you_mean(wanted, known)} (`sentiment-lab runs` lists them)")


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    building = path.with_name(path.name + ".building")
    with building.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    building.replace(path)


def _write_predictions(path: Path, predictions: Mapping[str, Predictions]) -> None:
    import pandas as pd

    tables = [
        pd.DataFrame(
            {
                "review_id": part.ids,
                "part": name,
                "label": part.labels,
                "probability": part.probabilities,
                "tokens": part.lengths,
            }
        )
        for name, part in predictions.items()
    ]
    building = path.with_name(path.name + ".building")
    pd.concat(tables).to_parquet(building, index=False)
    building.replace(path)
