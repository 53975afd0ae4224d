"""What a sweep would do: the state of each job, and the time it will take, from earlier runs of its variant."""

from __future__ import annotations

import statistics
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.identity import variant_hash, variant_of
from sentiment_lab.config.settings import Config, LinearModel
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.tuning import find_groups

WAITS = "waits for the choice"
"""State of a job of which one setting is still to be chosen."""


@dataclass(frozen=True)
class Forecast:
    """One job before it is run."""

    job: Job
    state: str
    """new, complete, interrupted, failed or running; or WAITS."""
    seconds: float | None
    """Seconds of training that are left; None where the variant was never run."""


def forecast(jobs: Sequence[Job]) -> list[Forecast]:
    """Return state and expected seconds of each job; with `study.choose`, of those that are known to come.

    Of a setting that is still to be chosen the first value stands for all, for they take the same time. Raises
    ConfigError where nothing can be chosen.
    """
    key = jobs[0].config.study.choose if jobs else None
    groups = find_groups(jobs, key) if key else []
    sure = [job for group in groups for job in {**_by_hash(group.tries), **_by_hash(group.chosen())}.values()]
    later = _forecasts([job for group in groups for job in group.undecided()])
    return [*_forecasts(sure if key else jobs), *(replace(one, state=WAITS) for one in later)]


def _by_hash(jobs: Iterable[Job]) -> dict[str, Job]:
    return {job.folder.short_hash: job for job in jobs}


def _forecasts(jobs: Sequence[Job]) -> list[Forecast]:
    roots = dict.fromkeys(job.folder.path.parent for job in jobs)
    variants = {variant_hash(job.config) for job in jobs}
    known = _mean_seconds((run for root in roots for run in list_runs(root)), variants)
    return [_forecast(job, known) for job in jobs]


def _forecast(job: Job, known: Mapping[str, float]) -> Forecast:
    folder = job.folder
    state = folder.state
    whole = known.get(variant_hash(job.config))
    left = 0.0 if state == "complete" else _share_left(folder, job.config)
    return Forecast(job, state, 0.0 if not left else None if whole is None else whole * left)


def _share_left(folder: RunFolder, config: Config) -> float:
    if isinstance(config.model, LinearModel):
        return 1.0
    done = sum(1 for event in folder.events() if event["event"] == "epoch")
    return max(0.0, 1 - done / config.training.epochs)


def _mean_seconds(runs: Iterable[RunFolder], variants: Container[str]) -> dict[str, float]:
    """Return the mean seconds of training of each of the variants that has a complete run."""
    seconds: dict[str, list[float]] = {}
    for run in runs:
        try:
            variant = variant_of(run.config())
            if variant in variants:
                _, _, taken = run.headline()
                seconds.setdefault(variant, []).append(taken)
        except LabError:
            continue  # not complete, or damaged: `doctor` names it
    return {variant: statistics.fmean(values) for variant, values in seconds.items()}


def summary(forecasts: Sequence[Forecast]) -> str:
    """Return how many jobs are in which state, and the seconds that are left, in one line."""
    states = [forecast.state for forecast in forecasts]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    known = [forecast.seconds for forecast in forecasts if forecast.seconds is not None]
    unknown = len(forecasts) - len(known)
    left = f"about {sum(known):.0f} s of training left" if known else "how long it takes is not known"
    without = f", and {unknown} jobs whose variant was never run" if known and unknown else ""
    return f"{len(forecasts)} jobs: {counts}; {left}{without}"
