"""The jobs of a sweep one after another in this process; a bad one fails alone."""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.analysis.tables import HEADINGS, cells, render, summarise, to_csv, to_markdown
from sentiment_lab.errors import LabError
from sentiment_lab.progress import console, say
from sentiment_lab.result import Result
from sentiment_lab.run import Job, execute
from sentiment_lab.rundir import write_whole

if TYPE_CHECKING:
    from sentiment_lab.tracking import SweepParent


class SweepFailedError(LabError):
    """At least one job of a sweep failed; which ones was already said."""

    exit_code = 1


@dataclass(frozen=True)
class JobOutcome:
    """What became of one job: its result, or the reason why it has none."""

    job: Job
    result: Result | None
    reason: str = ""


def run_sweep(jobs: Sequence[Job], command: Sequence[str], log: Path, *, force: bool = False) -> list[JobOutcome]:
    """Run the jobs in order, then show the table and every failure.

    `log` is the sweep's folder: it keeps the frozen list of jobs and the trace of each failure. An interruption ends
    the sweep; what was done stays.
    """
    _freeze(jobs, log)
    parent = _open_parent(jobs, command)
    outcomes: list[JobOutcome] = []
    status = "KILLED"
    try:
        for number, job in enumerate(jobs, 1):
            say(f"[{number}/{len(jobs)}] {job.name}  {job.folder.short_hash}")
            outcomes.append(_run_job(job, parent.run_id if parent else None, log, force=force))
        status = "FAILED" if any(outcome.result is None for outcome in outcomes) else "FINISHED"
    finally:
        _report(jobs[0], outcomes, parent, status)
    return outcomes


def _run_job(job: Job, parent: str | None, log: Path, *, force: bool) -> JobOutcome:
    was_complete = job.folder.state == "complete" and not force
    try:
        result = execute(job, parent=parent, force=force)
    except Exception as error:  # noqa: BLE001  # one bad job fails alone, whatever it raises
        reason = f"{type(error).__name__}: {error}"
        say(f"  failed: {reason}")
        write_whole(log / f"{job.folder.short_hash}.trace.txt", traceback.format_exc())
        return JobOutcome(job, None, reason)
    stored = "   (complete before, not trained again)" if was_complete else ""
    say(f"  test accuracy {result.test.accuracy:.4f}{stored}")
    return JobOutcome(job, result)


def _freeze(jobs: Sequence[Job], log: Path) -> None:
    log.mkdir(parents=True, exist_ok=True)
    frozen = [{"hash": job.folder.short_hash, "name": job.name, "overrides": list(job.overrides)} for job in jobs]
    write_whole(log / "jobs.json", json.dumps(frozen, indent=2) + "\n")


def _open_parent(jobs: Sequence[Job], command: Sequence[str]) -> SweepParent | None:
    config = jobs[0].config
    if not config.tracking.enabled:
        return None
    from sentiment_lab.tracking import SweepParent, experiment_name, open_store

    store = open_store(config.tracking, config.paths)
    tags = {"study": config.study.name, "command": " ".join(["sentiment-lab train -m", *command])}
    try:
        return SweepParent(store, experiment_name(config.study.name), f"sweep of {len(jobs)} runs", tags)
    except Exception as error:  # noqa: BLE001  # whatever a store raises, the sweep goes on
        say(f"MLflow store {store.uri} failed ({error}); the sweep goes on without a parent run")
        return None


def _report(first: Job, outcomes: Sequence[JobOutcome], parent: SweepParent | None, status: str) -> None:
    done = [(outcome.job.variant, outcome.result) for outcome in outcomes if outcome.result is not None]
    failed = [outcome for outcome in outcomes if outcome.result is None]
    table = summarise(done)
    if table:
        render(console(), HEADINGS, map(cells, table))
    for outcome in failed:
        say(f"failed: {outcome.job.name}\n  {outcome.reason}\n  {outcome.job.command}")
    if done:
        say("next: sentiment-lab runs, sentiment-lab show HASH, sentiment-lab ui (opens MLflow)")
    if parent:
        question = first.config.study.question
        parts = [question or "", to_markdown(table), *(f"failed: {f.job.name}: {f.reason}" for f in failed)]
        try:
            parent.finish(status, "\n\n".join(part for part in parts if part), {"table.csv": to_csv(table)})
        except Exception as error:  # noqa: BLE001  # whatever a store raises, the sweep is done
            say(f"MLflow lacks the sweep's table: its store failed ({error})")
