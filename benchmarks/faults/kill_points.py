"""Points in time at which a sweep is killed: within a checkpoint write, while it writes to MLflow, or at random."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

POLLS = 200
"""Times that the folder is polled between two checks whether the process is still alive."""

Probe = Callable[[Path], set[object]]
"""Lists what currently exists in a sweep's folder."""


@dataclass(frozen=True)
class KillPoint:
    """A point in time, recognised by something new in the sweep's folder."""

    name: str
    trigger: Probe
    """The process is killed as soon as this lists something new."""
    evidence: Probe
    """Lists what a kill within the intended operation leaves behind."""
    max_delay: float
    """Largest delay in seconds between the start of the process and the start of polling; the delay is random."""


def kill_at(point: KillPoint, process: subprocess.Popen[str], root: Path, random: Random) -> bool | None:
    """Kill a process at the given point.

    Return whether the kill hit the intended operation, or None if the process ended before.
    """
    evidence_before = point.evidence(root)
    if not _alive_for(process, random.uniform(0.2, point.max_delay)):
        return None
    for _ in _until_triggered(point, process, root):
        process.kill()
        process.wait(60)
        return bool(point.evidence(root) - evidence_before) or point.evidence is anything
    return None


def _alive_for(process: subprocess.Popen[str], seconds: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is None


def _until_triggered(point: KillPoint, process: subprocess.Popen[str], root: Path) -> Iterator[None]:
    """Yield once as soon as the trigger lists something new; yield nothing if the process ends first."""
    before = point.trigger(root)
    while process.poll() is None:
        for _ in range(POLLS):
            if point.trigger is anything or point.trigger(root) - before:
                yield
                return


def anything(root: Path) -> set[object]:
    """Trigger at once: every moment is accepted."""
    del root
    return set()


def unfinished_checkpoints(root: Path) -> set[object]:
    """Return the temporary files of checkpoints that are being written."""
    unfinished: set[object] = set()
    for run in _entries(root / "runs"):
        entries = _entries(Path(run.path) / "checkpoint")
        unfinished |= {entry.path for entry in entries if entry.name.endswith(".building")}
    return unfinished


def open_transactions(root: Path) -> set[object]:
    """Return SQLite's journal files, which exist while a transaction is open."""
    journals: set[object] = set()
    for suffix in ("-journal", "-wal"):
        for name in ("mlflow.db", "mlflow.db.building"):
            with suppress(OSError):
                state = (root / f"{name}{suffix}").stat()
                journals.add((name, suffix, state.st_ino, state.st_mtime_ns))
    return journals


def artifacts(root: Path) -> set[object]:
    """Return the artifact files of the MLflow store."""
    return {f"{folder}/{name}" for folder, _, names in os.walk(root / "artifacts") for name in names}


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def kill_points(seconds: float) -> dict[str, list[KillPoint]]:
    """Return the kill points of each kind for a sweep whose remaining duration is `seconds`."""
    return {
        "checkpoint": [
            KillPoint("within a checkpoint write", unfinished_checkpoints, unfinished_checkpoints, seconds * 0.7)
        ],
        "mirror": [
            KillPoint("within a transaction of the store", open_transactions, open_transactions, seconds * 0.9),
            KillPoint("while an artifact is written", artifacts, artifacts, seconds * 0.9),
        ],
        "random": [KillPoint("at a random moment", anything, anything, seconds)],
    }
