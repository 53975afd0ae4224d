"""Checks that disturbed runs end with the same outcome as undisturbed ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.integrity import find_damage, find_foreign, find_leftovers
from sentiment_lab.runs.journal_callback import without_times


def differences(runs: Sequence[RunFolder], references: Sequence[RunFolder]) -> list[str]:
    """Return the differences between runs and their undisturbed references in another folder."""
    reference_of = {reference.short_hash: reference for reference in references}
    if sorted(run.short_hash for run in runs) != sorted(reference_of):
        return [f"{len(runs)} runs instead of {len(reference_of)}"]
    return [f"{run.short_hash}: {text}" for run in runs for text in _run_differences(run, reference_of[run.short_hash])]


def _run_differences(run: RunFolder, reference: RunFolder) -> Iterator[str]:
    if run.state != "complete":
        yield f"it is {run.state}"
        return
    yield from map(str, find_damage(run))
    yield from (f"{path} is left over" for path in [*find_foreign(run), *find_leftovers(run)])
    if run.checkpoints.exists():
        yield "its checkpoints are left over"
    yield from outcome_differences(run, reference)
    yield from repeated_epochs(run)


def outcome_differences(run: RunFolder, reference: RunFolder) -> Iterator[str]:
    """Yield the differences between the outcomes of two complete runs with the same config."""
    if run.result().weights_digest != reference.result().weights_digest:
        yield "the weights differ from the undisturbed run"
    if run.result().test != reference.result().test:
        yield "the scores differ from the undisturbed run"
    if not run.predictions().equals(reference.predictions()):
        yield "the predictions differ from the undisturbed run"
    if epochs(run) != epochs(reference):
        numbers = [epoch["epoch"] for epoch in epochs(run)]
        yield f"the epochs in the journal differ from the undisturbed run: {numbers}"
    in_result = [without_times(vars(record)) for record in run.result().epochs]
    if in_result != epochs(run):
        yield "the epochs in result.json differ from the journal"


def epochs(run: RunFolder) -> list[dict[str, object]]:
    """Return the epochs in the journal without their times."""
    return [without_times(_without_checksum(event)) for event in run.events() if event["event"] == "epoch"]


def _without_checksum(event: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in event.items() if key != "check"}


def repeated_epochs(run: RunFolder) -> Iterator[str]:
    """Yield each epoch that was trained again although the journal had recorded it before the kill.

    A linear baseline has one epoch and no checkpoint, so it is not checked.
    """
    if run.config()["model"]["family"] != "recurrent":
        return
    recorded, may_record = 0, True
    for event in run.events():
        if event["event"] == "resumed":
            may_record = True
            if event["epoch"] != recorded + 1:
                yield f"resumed in epoch {event['epoch']} after {recorded} epochs in the journal"
        elif event["event"] == "started":
            may_record = recorded == 0
        elif event["event"] == "epoch":
            if not may_record:
                yield f"epochs 1 to {recorded} were trained again"
            recorded, may_record = event["epoch"], True
