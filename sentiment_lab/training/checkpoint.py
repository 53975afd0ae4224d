"""Checkpoints: all that a training needs to go on to the bit, in files whose names hold their digests."""

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
from sentiment_lab.config.schema import ConfigError, build
from sentiment_lab.training.history import EpochTotals
from sentiment_lab.training.result import EpochRecord

KEPT = 2
"""Checkpoints that are kept: where the last is damaged, the one before it serves."""

DAMAGED = ".damaged"
"""Suffix of a checkpoint that was passed over."""

Arrays = Mapping[str, Sequence[NDArray[Any]]]

_NAME = re.compile(r"epoch(\d+)-step(\d+)-([0-9a-f]{16})\.npz")


@dataclass(frozen=True)
class Checkpoint:
    """A training between two batches."""

    epochs: list[EpochRecord]
    """The finished epochs."""
    best_epoch: int
    sums: EpochTotals
    """Of the epoch that is under way."""
    arrays: Arrays
    """Variables of the network (random state included), of the optimizer, averages, and the best epoch's weights."""


@dataclass(frozen=True)
class CheckpointFolder:
    """The checkpoints of one run."""

    path: Path
    run: Mapping[str, str]
    """What a checkpoint must have been made for: hashes of config, data and split."""
    warn: Callable[[str], None]

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint whole, then drop those that are older than the one before it.

        Raises StorageError when it cannot be written.
        """
        content = _content(checkpoint, self.run)
        digest = hashlib.sha256(content).hexdigest()[:16]
        with storage_errors(self.path):
            self.path.mkdir(exist_ok=True)
        name = f"epoch{len(checkpoint.epochs):05}-step{checkpoint.sums.steps:07}-{digest}.npz"
        with atomic_path(self.path / name) as unfinished:
            unfinished.write_bytes(content)
        for old in list(self._newest_first())[KEPT:]:
            with suppress(OSError):
                old.unlink()

    def load(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole and of this run; those that are not are named and passed over."""
        for path in self._newest_first():
            problem = damage(path)
            found = None if problem else _read(path, self.run)
            if found:
                return found
            self.warn(f"{problem or f'{path} belongs to another run'}; an earlier checkpoint is looked for")
            with suppress(OSError):
                path.rename(path.with_name(path.name + DAMAGED))
        return None

    def _newest_first(self) -> Iterator[Path]:
        return reversed(checkpoint_files(self.path))


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, oldest first."""
    return sorted(path for path in folder.glob("*.npz") if _NAME.fullmatch(path.name))


def finished_epochs(path: Path) -> int:
    """Return the epochs that a checkpoint's training had finished, by its name."""
    named = _NAME.fullmatch(path.name)
    return int(named.group(1)) if named else 0


def damage(path: Path) -> str | None:
    """Tell what is wrong with a checkpoint, or None where its content is what its name says."""
    named = _NAME.fullmatch(path.name)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return None if named and found.startswith(named.group(3)) else f"{path} is damaged: its digest does not fit"


def _content(checkpoint: Checkpoint, run: Mapping[str, str]) -> bytes:
    state = {
        "run": dict(run),
        "epochs": [asdict(epoch) for epoch in checkpoint.epochs],
        "best_epoch": checkpoint.best_epoch,
        "sums": asdict(checkpoint.sums),
    }
    arrays: dict[str, Any] = {"state": np.frombuffer(json.dumps(state).encode(), np.uint8)}
    for group, members in checkpoint.arrays.items():
        arrays |= {f"{group}/{index}": array for index, array in enumerate(members)}
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _read(path: Path, run: Mapping[str, str]) -> Checkpoint | None:
    """Return the checkpoint; None where it was made for another run, data or split, or is none at all."""
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        state = json.loads(stored.pop("state").tobytes())
        if state["run"] != dict(run):
            return None
        epochs = [build(EpochRecord, epoch) for epoch in state["epochs"]]
        return Checkpoint(epochs, state["best_epoch"], build(EpochTotals, state["sums"]), _grouped(stored))
    except (OSError, ValueError, KeyError, ConfigError, zipfile.BadZipFile):
        return None


def _grouped(stored: Mapping[str, NDArray[Any]]) -> dict[str, list[NDArray[Any]]]:
    groups: dict[str, list[NDArray[Any]]] = {}
    for name, array in stored.items():
        groups.setdefault(name.partition("/")[0], []).append(array)
    return groups
