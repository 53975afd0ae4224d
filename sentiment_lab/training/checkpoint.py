"""Checkpoints: all state that a training needs to resume bit by bit, in files whose names hold their digests."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.files import atomic_path, storage_errors
from sentiment_lab.config.fields import ConfigError, build
from sentiment_lab.training.history import EpochTotals
from sentiment_lab.training.result import EpochRecord

KEPT = 2
"""Checkpoints that are kept: where the last is damaged, the one before it is used."""

DAMAGED = ".damaged"
"""Suffix of a checkpoint that could not be used."""

Arrays = Mapping[str, Sequence[NDArray[Any]]]

_NAME = re.compile(r"epoch(\d+)-step(\d+)-([0-9a-f]{16})\.npz")


@dataclass(frozen=True)
class Checkpoint:
    """A training between two batches."""

    epochs: list[EpochRecord]
    """The finished epochs."""
    best_epoch: int
    totals: EpochTotals
    """Of the epoch in progress."""
    arrays: Arrays
    """Variables of the network (random state included), of the optimizer, averages, and the best epoch's weights."""


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one run."""

    path: Path
    run: Mapping[str, str]
    """Hashes of config, data and split, which a checkpoint must match."""
    warn: Callable[[str], None]

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint atomically, then remove all older ones but the one before it.

        Raises StorageError when it cannot be written.
        """
        content = _content(checkpoint, self.run)
        digest = hashlib.sha256(content).hexdigest()[:16]
        with storage_errors(self.path):
            self.path.mkdir(exist_ok=True)
        name = f"epoch{len(checkpoint.epochs):05}-step{checkpoint.totals.steps:07}-{digest}.npz"
        with atomic_path(self.path / name) as unfinished:
            unfinished.write_bytes(content)
        for old in list(self._newest_first())[KEPT:]:
            with suppress(OSError):
                old.unlink()

    def load(self) -> Checkpoint | None:
        """Return the newest intact checkpoint of this run; warn about each newer one and rename it."""
        for path in self._newest_first():
            problem = damage(path)
            checkpoint = None if problem else _read(path, self.run)
            if checkpoint:
                return checkpoint
            self.warn(f"{problem or f'{path} belongs to another run'}; an earlier one is used if there is one")
            with suppress(OSError):
                path.rename(path.with_name(path.name + DAMAGED))
        return None

    def _newest_first(self) -> Iterator[Path]:
        return reversed(checkpoint_files(self.path))


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, oldest first."""
    return sorted(path for path in folder.glob("*.npz") if _NAME.fullmatch(path.name))


def finished_epochs(path: Path) -> int:
    """Return the number of finished epochs from the name of a checkpoint."""
    parts = _NAME.fullmatch(path.name)
    return int(parts.group(1)) if parts else 0


def damage(path: Path) -> str | None:
    """Describe the damage of a checkpoint; None where its content matches the digest in its name."""
    parts = _NAME.fullmatch(path.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    intact = parts is not None and digest.startswith(parts.group(3))
    return None if intact else f"{path} is damaged: its digest does not match"


# The stored names "sums" and "right" come from the first version: interrupted runs of every version resume.


def _content(checkpoint: Checkpoint, run: Mapping[str, str]) -> bytes:
    totals = asdict(checkpoint.totals)
    totals["right"] = totals.pop("correct")
    state = {
        "run": dict(run),
        "epochs": [asdict(epoch) for epoch in checkpoint.epochs],
        "best_epoch": checkpoint.best_epoch,
        "sums": totals,
    }
    arrays: dict[str, Any] = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
    for group, members in checkpoint.arrays.items():
        arrays |= {f"{group}/{index}": array for index, array in enumerate(members)}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _read(path: Path, run: Mapping[str, str]) -> Checkpoint | None:
    """Return the checkpoint; None where it belongs to another run, data or split, or is no checkpoint."""
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        state = json.loads(stored.pop("state").tobytes())
        if state["run"] != dict(run):
            return None
        epochs = [build(EpochRecord, epoch) for epoch in state["epochs"]]
        totals = {**state["sums"], "correct": state["sums"]["right"]}
        del totals["right"]
        return Checkpoint(epochs, state["best_epoch"], build(EpochTotals, totals), _grouped(stored))
    except (OSError, ValueError, KeyError, TypeError, ConfigError, zipfile.BadZipFile):
        return None


def _grouped(stored: Mapping[str, NDArray[Any]]) -> dict[str, list[NDArray[Any]]]:
    groups: dict[str, list[NDArray[Any]]] = {}
    for name, array in stored.items():
        groups.setdefault(name.partition("/")[0], []).append(array)
    return groups
