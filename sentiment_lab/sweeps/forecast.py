"""Forecast of a sweep: the state of each job, and its expected time from earlier runs of its variant."""

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

WAITS = "waits for tuning"
"""State of a job whose value of the tuned setting is not known yet."""


@dataclass(frozen=True)
class Forecast:
    """One job before it runs."""

    job: Job
    state: str
    """new, complete, interrupted, failed or running; or WAITS."""
    seconds: float | None
    """Remaining seconds of training; None where the variant has no complete run."""


def forecast(jobs: Sequence[Job], *, force: bool = False) -> list[Forecast]:
    """Return state and expected seconds of each job; with `study.choose`, of the trials and the tuned jobs.

    With `force`, complete runs are trained again.

    While the tuned value is unknown, the job with the first value represents it: all values take about the same time.
    Raises ConfigError where the setting cannot be tuned.
    """
    key = jobs[0].config.study.choose if jobs else None
    groups = find_groups(jobs, key) if key else []
    known = [job for group in groups for job in {**_by_hash(group.trials), **_by_hash(group.tuned())}.values()]
    later = _forecasts([job for group in groups for job in group.undecided()], force=force)
    return [*_forecasts(known if key else jobs, force=force), *(replace(one, state=WAITS) for one in later)]


def _by_hash(jobs: Iterable[Job]) -> dict[str, Job]:
    return {job.folder.short_hash: job for job in jobs}


def _forecasts(jobs: Sequence[Job], *, force: bool) -> list[Forecast]:
    roots = dict.fromkeys(job.folder.path.parent for job in jobs)
    variants = {variant_hash(job.config) for job in jobs}
    seconds = _mean_seconds((run for root in roots for run in list_runs(root)), variants)
    return [_forecast(job, seconds, force=force) for job in jobs]


def _forecast(job: Job, mean_seconds: Mapping[str, float], *, force: bool) -> Forecast:
    folder = job.folder
    state = folder.state
    full = mean_seconds.get(variant_hash(job.config))
    left = 1.0 if force else 0.0 if state == "complete" else _share_left(folder, job.config)
    return Forecast(job, state, 0.0 if not left else None if full is None else full * left)


def _share_left(folder: RunFolder, config: Config) -> float:
    if isinstance(config.model, LinearModel):
        return 1.0
    done = sum(1 for event in folder.events() if event["event"] == "epoch")
    return max(0.0, 1 - done / config.training.epochs)


def _mean_seconds(runs: Iterable[RunFolder], variants: Container[str]) -> dict[str, float]:
    """Return the mean training seconds of each variant that has a complete run."""
    seconds: dict[str, list[float]] = {}
    for run in runs:
        try:
            variant = variant_of(run.config())
            if variant in variants:
                _, _, taken = run.headline()
                seconds.setdefault(variant, []).append(taken)
        except LabError:
            continue  # not complete, or damaged: `doctor` reports that
    return {variant: statistics.fmean(values) for variant, values in seconds.items()}


def summary(forecasts: Sequence[Forecast]) -> str:
    """Return the number of jobs in each state and the remaining seconds, in one line."""
    states = [forecast.state for forecast in forecasts]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    known = [forecast.seconds for forecast in forecasts if forecast.seconds is not None]
    unknown = len(forecasts) - len(known)
    left = f"about {sum(known):.0f} s of training left" if known else "training time unknown"
    without = f", plus {unknown} jobs of variants without a complete run" if known and unknown else ""
    return f"{len(forecasts)} jobs: {counts}; {left}{without}"
