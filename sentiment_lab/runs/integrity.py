"""Checking a run folder: every damaged, missing, unfinished or foreign file by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

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


@dataclass(frozen=True)
class Damage:
    """A file of a run folder that is damaged, missing or of another run; `str()` is the message that names it."""

    path: Path
    kind: Literal["journal", "journal_end", "checkpoint", "content"]
    """What is damaged, for `doctor` to choose the repair: lines of the journal, its missing last line, a checkpoint, or
    any other file."""
    text: str

    def __str__(self) -> str:
        return self.text


def find_damage(run: RunFolder) -> list[Damage]:
    """Return the files that differ from what was written, each once; the checkpoints of a run are among them."""
    return list(dict.fromkeys([*_first_damage(run), *_checkpoint_damage(run), *_outcome_damage(run)]))


def find_leftovers(run: RunFolder) -> list[Path]:
    """Return the unfinished files of a process that died."""
    return [] if run.holder else sorted(run.path.rglob(f"*{UNFINISHED}"))


def find_foreign(run: RunFolder) -> list[Path]:
    """Return the files that no run writes into its folder."""
    unfinished = {path.name for path in find_leftovers(run)}
    known = {run.path: KNOWN, run.checkpoints: _checkpoint_names(run), **_outcome_names(run)}
    return sorted(
        path for folder, names in known.items() for path in folder.glob("*") if path.name not in {*names, *unfinished}
    )


def _first_damage(run: RunFolder) -> Iterator[Damage]:
    files, journal = run.first_files(), run.journal
    problem = journal.read().damage
    if problem:
        yield Damage(journal.path, "journal", problem)
    yield from _read_error(run.path / "config.json", run.config)
    if files:
        yield from _file_damage(run.path, files)
    elif any((run.path / name).exists() for name in ("result.json", "checkpoint", "model")):
        yield Damage(journal.path, "journal", f"{journal.path} lacks its first line")


def _file_damage(folder: Path, digests: Mapping[str, str]) -> Iterator[Damage]:
    for name, digest in digests.items():
        for problem in check_files(folder, {name: digest}):
            yield Damage(folder / name, "content", problem)


def _checkpoint_damage(run: RunFolder) -> Iterator[Damage]:
    kept, journaled = checkpoint_files(run.checkpoints), _journaled(run)
    for path in kept:
        problem = damage(path)
        if problem:
            yield Damage(path, "checkpoint", problem)
    # An epoch is written to the journal after its checkpoint.
    if run.state != "complete" and journaled and max(map(finished_epochs, kept), default=0) < journaled[-1]:
        config = _readable(run.config)
        if config and config["model"]["family"] == "recurrent":
            text = f"{run.checkpoints} lacks the checkpoint of epoch {journaled[-1]}"
            yield Damage(run.checkpoints, "content", text)


def _outcome_damage(run: RunFolder) -> Iterator[Damage]:
    path = run.path / "result.json"
    if run.state != "complete":
        if _completed(run):
            yield Damage(path, "content", f"{path} is missing")
        return
    yield from _read_error(path, run.result)
    result = _readable(run.result)
    if result:
        yield from _unjournaled(run, result)
        yield from _file_damage(run.path, run.outcome_files())
        yield from _read_error(run.model, lambda: read_description(run.model))


def _unjournaled(run: RunFolder, result: Result) -> Iterator[Damage]:
    """Yield what the journal of a complete run lacks, unless it is damaged otherwise."""
    content, path = run.journal.read(), run.journal.path
    if content.events and not content.damage:
        if _journaled(run) != [epoch.epoch for epoch in result.epochs]:
            yield Damage(path, "content", f"{path} lacks epochs")
        elif not _completed(run):
            yield Damage(path, "journal_end", f"{path} lacks its last line")


def _completed(run: RunFolder) -> bool:
    return any(event["event"] == "completed" for event in run.events())


def _journaled(run: RunFolder) -> list[int]:
    return [event["epoch"] for event in run.events() if event["event"] == "epoch"]


def _checkpoint_names(run: RunFolder) -> set[str]:
    names = {path.name for path in checkpoint_files(run.checkpoints)}
    return names | {path.name for path in run.checkpoints.glob(f"*{DAMAGED}")}


def _outcome_names(run: RunFolder) -> dict[Path, set[str]]:
    """Return the names of the files in the folders of a complete run, for folders whose lists are intact."""
    names = {}
    if run.state == "complete":
        files, description = _readable(run.outcome_files), _readable(lambda: read_checksummed(run.model / DESCRIPTION))
        if files:
            names[run.figures] = {Path(name).name for name in files if name.startswith("figures/")}
        if description:
            names[run.model] = {DESCRIPTION, *description["files"]}
    return names


T = TypeVar("T")


def _readable(read: Callable[[], T]) -> T | None:
    """Return what `read` returns, or None for a damaged file."""
    try:
        return read()
    except LabError:
        return None


def _read_error(path: Path, read: Callable[[], object]) -> Iterator[Damage]:
    try:
        read()
    except LabError as error:
        yield Damage(path, "content", str(error))
