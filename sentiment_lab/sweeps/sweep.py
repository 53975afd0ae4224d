"""A sweep of jobs: recorded, run by an executor, compared, reported, and mirrored as a parent run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.terminal import render_comparison
from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.sweep_records import freeze
from sentiment_lab.sweeps.comparison import compare_sweep
from sentiment_lab.sweeps.executors.base import Executor, JobOutcome, run_job
from sentiment_lab.sweeps.executors.build import build_executor
from sentiment_lab.sweeps.parent_run import close_parent, open_parent
from sentiment_lab.sweeps.report import write_report
from sentiment_lab.sweeps.tuning import describe, find_groups
from sentiment_lab.sweeps.view import View, build_view

NOT_RUN = "not run for the same reason"
"""Reason of a job that could only have failed like the one before it."""
_BEFORE_DATA = ("ConfigError", "DataError", "StoreAddressError")
"""Errors that come from the settings of data and store alone, if a job raises them before it has its data."""


class SweepFailedError(LabError):
    """At least one job of a sweep failed; the failures were already printed."""

    exit_code = 1


def run_study(jobs: Sequence[Job], command: Sequence[str], *, force: bool = False) -> list[JobOutcome]:
    """Run the jobs as one sweep; with `study.choose` as two: the trials, then the jobs with the tuned value.

    Returns the outcomes of the jobs that ran. Raises ConfigError, before any runs, when the setting cannot be tuned.
    """
    key = jobs[0].config.study.choose
    if key is None:
        return run_sweep(jobs, command, force=force)
    groups = find_groups(jobs, key)
    trials = [job for group in groups if len(group.trials) > 1 for job in group.trials]
    outcomes = run_sweep(trials, command, force=force, tunes=key) if trials else []
    for group in groups:
        if len(group.trials) > 1:
            print_message(describe(group))
    retrained = {outcome.job.folder.short_hash for outcome in outcomes} if force else set()
    tuned = [job for group in groups for job in group.tuned()]
    return [*outcomes, *(run_sweep(tuned, command, force=force, done=retrained, tuned=key) if tuned else [])]


def run_sweep(
    jobs: Sequence[Job],
    command: Sequence[str],
    *,
    force: bool = False,
    done: Container[str] = (),
    tunes: str | None = None,
    tuned: str | None = None,
    extra: Callable[[Path], None] = lambda _: None,
) -> list[JobOutcome]:
    """Run the jobs in order, then print the table and every failure; `extra` adds files to the sweep's folder.

    `force` retrains complete runs except `done`, by short hash. `tunes` is the setting whose values the jobs try,
    `tuned` the one of which they have the best value.

    The sweep's folder keeps the frozen list of jobs and the traceback of each failure. An interruption ends the sweep;
    running the same jobs again resumes it.
    """
    config = jobs[0].config
    executor = build_executor(config.launch)
    record, jobs, folder = freeze(jobs, command, tunes=tunes, tuned=tuned)
    root = Path(config.paths.runs).absolute()
    open_parent(config, record, print_message)
    outcomes: dict[str, JobOutcome] = {}
    status = "KILLED"
    try:
        view = build_view(config.launch, len(jobs))
        with view.shown():
            for outcome in _run_all(jobs, executor, view, folder, force=force, done=done):
                outcomes[outcome.job.folder.short_hash] = outcome
        status = "FAILED" if any(outcome.result is None for outcome in outcomes.values()) else "FINISHED"
    finally:
        failed = {name: outcome.reason for name, outcome in outcomes.items() if outcome.result is None}
        comparison = compare_sweep(record, root, failed)
        try:
            if comparison:
                render_comparison(console(), comparison)
                if status != "KILLED" and not tunes:
                    write_report(comparison, _config_of_best(comparison, jobs), folder, print_message)
                    extra(folder)
        finally:  # also where the disk is full
            _report(list(outcomes.values()), comparison)
            close_parent(config, record, comparison, status, print_message)
    return [outcomes[job.folder.short_hash] for job in jobs]


def _run_all(
    jobs: Sequence[Job], executor: Executor, view: View, folder: Path, *, force: bool, done: Container[str]
) -> Iterator[JobOutcome]:
    """Yield the outcomes: of complete runs from their folders, of all others from the executor."""
    kept = [job for job in jobs if not force or job.folder.short_hash in done]
    stored = [job for job in kept if job.folder.state == "complete"]
    for job in stored:
        check()
        view.started(job)
        outcome = run_job(job, folder, force=False)
        view.ended(job, outcome.result, outcome.reason, stored=True)
        yield outcome
    waiting = {job.folder.short_hash: job for job in jobs if job not in stored}
    if not waiting:
        return
    with closing(executor.run(list(waiting.values()), view, folder, force=force)) as running:
        for outcome in running:
            del waiting[outcome.job.folder.short_hash]
            yield outcome
            if _fails_all(outcome, waiting.values()):
                break
    yield from (JobOutcome(job, None, NOT_RUN) for job in waiting.values())


def _fails_all(outcome: JobOutcome, others: Iterable[Job]) -> bool:
    """Whether a job failed for a reason that the others share: before it had its data, whose settings they share."""
    if outcome.error not in _BEFORE_DATA or _had_data(outcome.job):
        return False
    settings = _data_settings(outcome.job)
    return all(_data_settings(job) == settings for job in others)


def _had_data(job: Job) -> bool:
    """Whether the last attempt at a job got as far as its data."""
    attempt = itertools.takewhile(lambda event: event["event"] != "started", reversed(job.folder.events()))
    return any(event["event"] == "data" for event in attempt)


def _data_settings(job: Job) -> tuple[object, ...]:
    return job.config.data, job.config.split, job.config.text, job.config.tracking


def _config_of_best(comparison: Comparison, jobs: Sequence[Job]) -> Config:
    """Return the config of a run of the best variant, whose reviews the report shows."""
    best = {run.short_hash for run in comparison.best.variant.runs.values()}
    return next(job.config for job in jobs if job.folder.short_hash in best)


def _report(outcomes: Sequence[JobOutcome], comparison: Comparison | None) -> None:
    for outcome in outcomes:
        if outcome.result is None and outcome.reason != NOT_RUN:
            print_message(f"failed: {outcome.job.name}\n  {outcome.reason}\n  {outcome.job.command}")
    if left := sum(outcome.reason == NOT_RUN for outcome in outcomes):
        print_message(f"the remaining {left} job{'s were' if left > 1 else ' was'} {NOT_RUN}")
    if comparison:
        print_message("next: sentiment-lab compare --help, sentiment-lab show HASH, sentiment-lab ui (opens MLflow)")
