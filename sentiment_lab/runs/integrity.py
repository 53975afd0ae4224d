"""Whether a run's folder is what was written: every damaged, missing or foreign file by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import UNFINISHED, check_files, read_checksummed
from sentiment_lab.models.folder import DESCRIPTION, read_description
from sentiment_lab.runs.folder import FIRST_FILES, RunFolder
from sentiment_lab.training.checkpoint import DAMAGED, checkpoint_files, damage, finished_epochs
from sentiment_lab.training.result import Result

KNOWN = {
    *FIRST_FILES,
    *("journal.jsonl", "journal.jsonl.damaged", "lock", "heartbeat.json", "mirror.json", "reproduction.json"),
    *("checkpoint", "model", "figures", "predictions.parquet", "result.json"),
}


def find_damage(run: RunFolder) -> list[str]:
    """Return one line for each file that is not what was written; the checkpoints of a run are among them."""
    return list(dict.fromkeys([*_first_damage(run), *_checkpoint_damage(run), *_outcome_damage(run)]))


def find_leftovers(run: RunFolder) -> list[Path]:
    """Return what a process that died was writing."""
    return [] if run.holder else sorted(run.path.rglob(f"*{UNFINISHED}"))


def find_foreign(run: RunFolder) -> list[Path]:
    """Return what no run writes into its folder."""
    left = {path.name for path in find_leftovers(run)}
    places = {run.path: KNOWN, run.checkpoints: _checkpoint_names(run), **_outcome_names(run)}
    found = [path for folder, known in places.items() for path in folder.glob("*") if path.name not in {*known, *left}]
    return sorted(found)


def _first_damage(run: RunFolder) -> Iterator[str]:
    files, reading = run.first_files(), run.journal.read()
    if reading.damage:
        yield reading.damage
    yield from _told(run.config)
    if files:
        yield from check_files(run.path, files)
    elif any((run.path / name).exists() for name in ("result.json", "checkpoint", "model")):
        yield f"{run.journal.path} lacks its first line"


def _checkpoint_damage(run: RunFolder) -> Iterator[str]:
    kept, journaled = checkpoint_files(run.checkpoints), _journaled(run)
    yield from filter(None, map(damage, kept))
    # An epoch is journaled when its checkpoint is there.
    if run.state != "complete" and journaled and max(map(finished_epochs, kept), default=0) < journaled[-1]:
        config = _whole(run.config)
        if config and config["model"]["family"] == "recurrent":
            yield f"{run.checkpoints} lacks the checkpoint of epoch {journaled[-1]}"


def _outcome_damage(run: RunFolder) -> Iterator[str]:
    if run.state != "complete":
        if _completed(run):
            yield f"{run.path / 'result.json'} is missing"
        return
    yield from _told(run.result)
    result = _whole(run.result)
    if result:
        yield from _unjournaled(run, result)
        yield from check_files(run.path, run.outcome_files())
        yield from _told(lambda: read_description(run.model))


def _unjournaled(run: RunFolder, result: Result) -> Iterator[str]:
    """Tell what the journal of a complete run lacks, where it is not damaged otherwise."""
    reading = run.journal.read()
    if reading.events and not reading.damage:
        if _journaled(run) != [epoch.epoch for epoch in result.epochs]:
            yield f"{run.journal.path} lacks epochs"
        elif not _completed(run):
            yield f"{run.journal.path} lacks its last line"


def _completed(run: RunFolder) -> bool:
    return any(event["event"] == "completed" for event in run.events())


def _journaled(run: RunFolder) -> list[int]:
    return [event["epoch"] for event in run.events() if event["event"] == "epoch"]


def _checkpoint_names(run: RunFolder) -> set[str]:
    names = {path.name for path in checkpoint_files(run.checkpoints)}
    return names | {path.name for path in run.checkpoints.glob(f"*{DAMAGED}")}


def _outcome_names(run: RunFolder) -> dict[Path, set[str]]:
    """Return what belongs into the folders of a complete run, for those whose lists are whole."""
    names = {}
    if run.state == "complete":
        files, description = _whole(run.outcome_files), _whole(lambda: read_checksummed(run.model / DESCRIPTION))
        if files:
            names[run.figures] = {Path(name).name for name in files if name.startswith("figures/")}
        if description:
            names[run.model] = {DESCRIPTION, *description["files"]}
    return names


T = TypeVar("T")


def _whole(read: Callable[[], T]) -> T | None:
    """Return what can be read, or None where it is damaged."""
    try:
        return read()
    except LabError:
        return None


def _told(read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except LabError as error:
        yield str(error)
