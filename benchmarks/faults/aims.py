"""Moments to kill a sweep at: within a checkpoint write, within the mirroring, or any."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

LOOKS = 200
"""Looks at the folder between two questions whether the process still lives."""

Look = Callable[[Path], set[object]]


@dataclass(frozen=True)
class Aim:
    """A kind of moment, and how it is recognised: by something that was not there when the watch began."""

    name: str
    look: Look
    left: Look
    """What a kill at the right moment leaves behind."""
    longest: float
    """Seconds after the start at which the watch begins, at most; the moment is drawn."""


def kill_at(aim: Aim, process: subprocess.Popen[str], root: Path, random: Random) -> bool | None:
    """Kill a process at such a moment; tell whether it was within it, or None where the process ended before."""
    look_at_left = aim.left(root)
    if not _alive_for(process, random.uniform(0.2, aim.longest)):
        return None
    for _ in _until_new(aim, process, root):
        process.kill()
        process.wait(60)
        return bool(aim.left(root) - look_at_left) or aim.left is nothing
    return None


def _alive_for(process: subprocess.Popen[str], seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is None


def _until_new(aim: Aim, process: subprocess.Popen[str], root: Path) -> Iterator[None]:
    """Yield once as soon as there is something new; nothing where the process ends first."""
    before = aim.look(root)
    while process.poll() is None:
        for _ in range(LOOKS):
            if aim.look is nothing or aim.look(root) - before:
                yield
                return


def nothing(root: Path) -> set[object]:
    """Look at nothing: any moment will do."""
    del root
    return set()


def unfinished_checkpoints(root: Path) -> set[object]:
    """Return the checkpoints that are being written."""
    found: set[object] = set()
    for run in _entries(root / "runs"):
        found |= {entry.path for entry in _entries(Path(run.path) / "checkpoint") if entry.name.endswith(".building")}
    return found


def open_transactions(root: Path) -> set[object]:
    """Return SQLite's journals of transactions that are not committed."""
    found: set[object] = set()
    for suffix in ("-journal", "-wal"):
        for name in ("mlflow.db", "mlflow.db.building"):
            with suppress(OSError):
                state = (root / f"{name}{suffix}").stat()
                found.add((name, suffix, state.st_ino, state.st_mtime_ns))
    return found


def artifacts(root: Path) -> set[object]:
    """Return the files that MLflow has."""
    return {f"{folder}/{name}" for folder, _, names in os.walk(root / "artifacts") for name in names}


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def aims(seconds: float) -> dict[str, list[Aim]]:
    """Return the aims of each kind for a sweep that takes so many seconds more."""
    return {
        "checkpoint": [Aim("within a checkpoint write", unfinished_checkpoints, unfinished_checkpoints, seconds * 0.7)],
        "mirror": [
            Aim("within a transaction of the store", open_transactions, open_transactions, seconds * 0.9),
            Aim("while an artifact is written", artifacts, artifacts, seconds * 0.9),
        ],
        "random": [Aim("at a random moment", nothing, nothing, seconds)],
    }
