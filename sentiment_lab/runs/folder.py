"""Reading a run folder. Each run has one, named by its config hash; it is authoritative and MLflow mirrors it.

`config.json` (canonical), `overrides.yaml`, `environment.txt` and `code.diff` are written first, `journal.jsonl` and
`checkpoint/` during training, then `model/` and `predictions.parquet`, and `result.json` last: it marks the run as
*complete*. Every file has a digest: the config's is the folder's name, a checkpoint's is in its file name, the journal
checks its own lines and holds the digests of the first files, `result.json` holds its own and those of the outcome.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import (
    DamageError,
    check_files,
    read_checksummed,
    storage_errors,
)
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import SHORT, config_hash
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.journal import Event, Journal
from sentiment_lab.runs.lock import Holder, hold
from sentiment_lab.training.result import FORMAT, Result, result_from_plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

FIRST_FILES = ("config.json", "overrides.yaml", "environment.txt", "code.diff")
"""Files written before training; the journal's first line holds their digests."""


class RunError(LabError):
    """A run folder that cannot be used for the request; the text names the folder or the hash."""


class AmbiguousHashError(RunError):
    """A hash prefix that several runs share; the text names them."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @classmethod
    def of(cls, config: Config) -> RunFolder:
        """Return the folder of this config's run, which need not exist yet."""
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
    def checkpoints(self) -> Path:
        """Folder of the checkpoints; a complete run has none."""
        return self.path / "checkpoint"

    @property
    def journal(self) -> Journal:
        """The run's journal."""
        return Journal(self.path / "journal.jsonl", self.short_hash)

    @property
    def state(self) -> str:
        """new, complete, running, failed or interrupted, as read from the disk."""
        if (self.path / "result.json").is_file():
            return "complete"
        if self.holder is not None:
            return "running"
        events = self.events()
        if not events:
            return "new"
        return "failed" if events[-1]["event"] == "failed" else "interrupted"

    @property
    def holder(self) -> Holder | None:
        """The process that is training the run; None if there is none."""
        return Holder.of(self.path)

    def events(self) -> list[Event]:
        """Return the intact events of the journal."""
        return self.journal.events()

    def started(self) -> Event | None:
        """Return the first event of the run, which describes it; None if the run never started."""
        return self.journal.first()

    def first_files(self) -> dict[str, str]:
        """Return the digests of the first files by name, as the last attempt recorded them; empty without one."""
        starts = [event["files"] for event in self.events() if event["event"] == "started" and "files" in event]
        return dict(starts[-1]) if starts else {}

    def config(self) -> dict[str, Any]:
        """Return the canonical config as plain data.

        Raises RunError when it is missing, DamageError when its hash is not the folder's name.
        """
        text = self._read("config.json").strip()
        if not hashlib.sha256(text.encode()).hexdigest().startswith(self.short_hash):
            raise DamageError(f"{self.path / 'config.json'} is damaged: its hash is not the folder's name")
        return dict(json.loads(text))

    @property
    def config_hash(self) -> str:
        """The full hash; the folder's name is its prefix."""
        self.config()
        return hashlib.sha256(self._read("config.json").strip().encode()).hexdigest()

    def overrides(self) -> list[str]:
        """Return the overrides that composed the run.

        Raises RunError when they are missing, DamageError when they changed since they were written.
        """
        text = self._read_first("overrides.yaml")
        return [str(json.loads(line[2:])) for line in text.split("\n") if line.startswith("- ")]

    def environment(self) -> dict[str, str]:
        """Return what the run's numbers depend on besides its config: code, versions, processor, threads.

        Raises RunError when it is missing, DamageError when it changed since it was written.
        """
        lines = self._read_first("environment.txt").splitlines()
        return {key: value for key, _, value in (line.partition(": ") for line in lines)}

    def result(self) -> Result:
        """Return the result of a complete run.

        Raises RunError when it is missing, DamageError when it changed since it was written.
        """
        plain = self._outcome()
        del plain["files"]
        try:
            return result_from_plain(plain)
        except (ValueError, ConfigError) as error:
            raise DamageError(f"{self.path / 'result.json'} is damaged: {str(error).splitlines()[0]}") from error

    def headline(self) -> tuple[float, float | None, float]:
        """Return test accuracy, best validation accuracy and training seconds, without building the whole result.

        Raises RunError when the result is missing, DamageError when it changed since it was written.
        """
        plain = self._outcome()
        try:
            if plain["format"] == FORMAT:
                return plain["test"]["accuracy"], plain["best_validation_accuracy"], plain["train_seconds"]
        except (KeyError, TypeError) as error:
            raise DamageError(f"{self.path / 'result.json'} is damaged: {error} is missing") from error
        raise DamageError(f"{self.path / 'result.json'} is damaged: its format is not {FORMAT}")

    def predictions(self) -> pd.DataFrame:
        """Return a row for each review of validation and test: review_id, part, label, probability, tokens.

        Raises RunError when the run is not complete, DamageError when the file changed since it was written.
        """
        import pandas as pd

        return pd.read_parquet(self.checked_predictions())

    def predictions_digest(self) -> str:
        """Return the SHA-256 of all predictions, column by column; it does not depend on the file format.

        Raises what `predictions` raises.
        """
        digest = hashlib.sha256()
        for name, column in self.predictions().items():
            values = column.to_numpy()
            content = json.dumps(values.tolist()).encode() if values.dtype == object else values.tobytes()
            digest.update(f"{name} {len(values)}\n".encode() + content)
        return digest.hexdigest()

    def predicted_labels(self) -> NDArray[np.bool_]:
        """Return whether each review of the test part is predicted positive (reviews,), in the order of the review ids.

        Raises what `predictions` raises.
        """
        predictions = self.predictions()
        test = predictions[predictions["part"] == "test"].sort_values("review_id", kind="stable")
        positive: NDArray[np.bool_] = (test["probability"] > 0.5).to_numpy()
        return positive

    def checked_predictions(self) -> Path:
        """Return the file of the predictions after checking its digest.

        Raises RunError when the run is not complete, DamageError when the file is missing or changed.
        """
        name = "predictions.parquet"
        for problem in check_files(self.path, {name: self._outcome()["files"].get(name, "")}):
            raise DamageError(problem)
        return self.path / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for this process; the lock of a process that died is released.

        Raises RunError naming the process that holds it, StorageError when the folder cannot be written.
        """
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with hold(self.path) as other:
            if other is not None:
                raise RunError(f"run {self.short_hash} is being trained by {other}; wait until it ends, or stop it")
            yield

    def outcome_files(self) -> dict[str, str]:
        """Return the digests of the outcome files of a complete run, by name.

        Raises DamageError when `result.json` changed since it was written.
        """
        return dict(self._outcome()["files"])

    def _outcome(self) -> dict[str, Any]:
        if not (self.path / "result.json").is_file():
            raise RunError(f"run {self.short_hash} has no result.json: the run is {self.state}")
        path = self.path / "result.json"
        plain = read_checksummed(path)
        if not str(plain.pop("config_hash", self.short_hash)).startswith(self.short_hash):
            raise DamageError(f"{path} belongs to another run")
        return plain

    def _read_first(self, name: str) -> str:
        text, digests = self._read(name), self.first_files()
        if not digests:
            raise DamageError(f"{self.journal.path} lacks its first line")
        for problem in check_files(self.path, {name: digests.get(name, "")}):
            raise DamageError(problem)
        return text

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise RunError(f"run {self.short_hash} has no {name}: the run is {self.state}") from error
        except ValueError as error:
            raise DamageError(f"{self.path / name} is damaged: it is not UTF-8 text") from error
