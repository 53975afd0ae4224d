"""The jobs of a sweep one after another in this process; a bad one fails alone."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.formats import render_comparison
from sentiment_lab.errors import LabError
from sentiment_lab.files import write_whole
from sentiment_lab.interruption import check
from sentiment_lab.progress import console, say
from sentiment_lab.result import Result
from sentiment_lab.run import Job, execute
from sentiment_lab.sweep.answer import compare_sweep
from sentiment_lab.sweep.mirror import close_parent, open_parent
from sentiment_lab.sweep.report import write_report
from sentiment_lab.sweep_record import freeze


class SweepFailedError(LabError):
    """At least one job of a sweep failed; which ones was already said."""

    exit_code = 1


@dataclass(frozen=True)
class JobOutcome:
    """What became of one job: its result, or the reason why it has none."""

    job: Job
    result: Result | None
    reason: str = ""


def run_sweep(jobs: Sequence[Job], command: Sequence[str], *, force: bool = False) -> list[JobOutcome]:
    """Run the jobs in order, then show the table and every failure.

    The sweep's folder keeps the frozen list of jobs and the trace of each failure. An interruption ends the sweep; what
    was done stays, and the same sweep goes on from there.
    """
    record, jobs, folder = freeze(jobs, command)
    config = jobs[0].config
    root = Path(config.paths.runs).absolute()
    open_parent(config, record, say)
    outcomes: list[JobOutcome] = []
    status = "KILLED"
    try:
        for number, job in enumerate(jobs, 1):
            check()
            say(f"[{number}/{len(jobs)}] {job.name}  {job.folder.short_hash}")
            outcomes.append(_run_job(job, folder, force=force))
            if number == 1:
                _settle()
        status = "FAILED" if any(outcome.result is None for outcome in outcomes) else "FINISHED"
    finally:
        comparison = compare_sweep(record, root)
        if comparison:
            render_comparison(console(), comparison)
            if status != "KILLED":
                write_report(comparison, config, folder, say)
        _report(outcomes, comparison)
        close_parent(config, record, status, say)
    return outcomes


def _settle() -> None:
    """Take what the first job imported out of the garbage collector's rounds.

    Keras asks for a full round before each model: 0.4 s over a million objects that stay anyway.
    """
    gc.collect()
    gc.freeze()


def _run_job(job: Job, log: Path, *, force: bool) -> JobOutcome:
    before = job.folder.state
    try:
        result = execute(job, force=force)
    except Exception as error:  # noqa: BLE001  # one bad job fails alone, whatever it raises
        reason = f"{type(error).__name__}: {error}"
        say(f"  failed: {reason}")
        write_whole(log / f"{job.folder.short_hash}.trace.txt", traceback.format_exc())
        return JobOutcome(job, None, reason)
    stored = "   (complete before, not trained again)" if before == "complete" and not force else ""
    say(f"  test accuracy {result.test.accuracy:.4f}{stored}")
    return JobOutcome(job, result)


def _report(outcomes: Sequence[JobOutcome], comparison: Comparison | None) -> None:
    for outcome in outcomes:
        if outcome.result is None:
            say(f"failed: {outcome.job.name}\n  {outcome.reason}\n  {outcome.job.command}")
    if comparison:
        say("next: sentiment-lab compare --help, sentiment-lab show HASH, sentiment-lab ui (opens MLflow)")
