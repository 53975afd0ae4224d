"""Whether a run's folder is what was written: every damaged, missing or foreign file by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sentiment_lab.checkpoint import checkpoint_files, damage
from sentiment_lab.errors import LabError
from sentiment_lab.files import BUILDING, check_files, unseal
from sentiment_lab.models.folder import DESCRIPTION, read_description
from sentiment_lab.rundir import FIRST_FILES, RunFolder

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
    return [] if run.holder else sorted(run.path.rglob(f"*{BUILDING}"))


def find_foreign(run: RunFolder) -> list[Path]:
    """Return what no run writes into its folder."""
    known = {*KNOWN, *(path.name for path in find_leftovers(run))}
    found = [path for path in run.path.iterdir() if path.name not in known]
    if run.state == "complete":
        found += [path for path in run.figures.glob("*") if f"figures/{path.name}" not in run.outcome_files()]
        found += [path for path in run.model.glob("*") if path.name not in _model_files(run)]
    return sorted(found)


def _first_damage(run: RunFolder) -> Iterator[str]:
    started, reading = run.started(), run.journal.read()
    if reading.damage:
        yield reading.damage
    yield from _told(run.config)
    if started:
        yield from check_files(run.path, started.get("files", {}))
    elif any((run.path / name).exists() for name in ("result.json", "checkpoint", "model")):
        yield f"{run.journal.path} lacks its first line"
    if run.state == "complete" and not any(event["event"] == "completed" for event in reading.events):
        yield f"{run.journal.path} lacks its last line"


def _checkpoint_damage(run: RunFolder) -> Iterator[str]:
    yield from filter(None, map(damage, checkpoint_files(run.checkpoints)))


def _outcome_damage(run: RunFolder) -> Iterator[str]:
    if run.state == "complete":
        result = list(_told(run.result))
        yield from result
        if not result:
            yield from check_files(run.path, run.outcome_files())
            yield from _told(lambda: read_description(run.model))


def _told(read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except LabError as error:
        yield str(error)


def _model_files(run: RunFolder) -> set[str]:
    return {DESCRIPTION, *unseal(run.model / DESCRIPTION)["files"]}
