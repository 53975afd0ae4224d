"""Whether runs that were disturbed ended as those that were not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.integrity import find_damage, find_foreign, find_leftovers
from sentiment_lab.runs.journal_callback import without_times


def differences(runs: Sequence[RunFolder], whole: Sequence[RunFolder]) -> list[str]:
    """Return what is not as in the same runs undisturbed, which lie in another folder."""
    undisturbed = {run.short_hash: run for run in whole}
    if sorted(run.short_hash for run in runs) != sorted(undisturbed):
        return [f"{len(runs)} runs instead of {len(undisturbed)}"]
    return [f"{run.short_hash}: {text}" for run in runs for text in _of_run(run, undisturbed[run.short_hash])]


def _of_run(run: RunFolder, whole: RunFolder) -> Iterator[str]:
    if run.state != "complete":
        yield f"it is {run.state}"
        return
    yield from map(str, find_damage(run))
    yield from (f"{path} is left over" for path in [*find_foreign(run), *find_leftovers(run)])
    if run.checkpoints.exists():
        yield "its checkpoints are left over"
    yield from outcome_differences(run, whole)
    yield from trained_again(run)


def outcome_differences(run: RunFolder, whole: RunFolder) -> Iterator[str]:
    """Yield what of the outcome of a complete run differs from that of another one with the same config."""
    if run.result().weights_digest != whole.result().weights_digest:
        yield "other weights than undisturbed"
    if run.result().test != whole.result().test:
        yield "other scores than undisturbed"
    if not run.predictions().equals(whole.predictions()):
        yield "other predictions than undisturbed"
    if epochs(run) != epochs(whole):
        yield f"the journal has other epochs than undisturbed: {[epoch['epoch'] for epoch in epochs(run)]}"
    kept = [without_times(vars(record)) for record in run.result().epochs]
    if kept != epochs(run):
        yield "result.json has other epochs than the journal"


def epochs(run: RunFolder) -> list[dict[str, object]]:
    """Return the epochs in the journal without their times."""
    return [without_times(_numbers(event)) for event in run.events() if event["event"] == "epoch"]


def _numbers(event: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in event.items() if key != "check"}


def trained_again(run: RunFolder) -> Iterator[str]:
    """Yield each epoch that was trained again though the journal had it before the kill.

    A linear baseline has one epoch and no checkpoint.
    """
    if run.config()["model"]["family"] != "recurrent":
        return
    journaled, going_on = 0, True
    for event in run.events():
        if event["event"] == "resumed":
            going_on = True
            if event["epoch"] != journaled + 1:
                yield f"went on in epoch {event['epoch']} after a journal of {journaled} epochs"
        elif event["event"] == "started":
            going_on = journaled == 0
        elif event["event"] == "epoch":
            if not going_on:
                yield f"epochs 1 to {journaled} were trained again"
            journaled, going_on = event["epoch"], True
