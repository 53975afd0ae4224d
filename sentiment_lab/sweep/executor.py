"""What an executor is given and what it gives back: each job runs the same code, wherever it runs."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sentiment_lab.files import write_whole
from sentiment_lab.interruption import check
from sentiment_lab.observer import Observer
from sentiment_lab.result import Result
from sentiment_lab.run import Job, execute
from sentiment_lab.sweep.view import View


@dataclass(frozen=True)
class JobOutcome:
    """What became of one job: its result, or the reason why it has none."""

    job: Job
    result: Result | None
    reason: str = ""


class Executor(Protocol):
    """Runs jobs, in whatever order and place; a bad one fails alone."""

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Iterator[JobOutcome]:
        """Yield an outcome for each job as it ends, telling the view; `log` keeps the traces of failures.

        Closing the iterator, or an interruption, ends what still runs; it can go on from its last checkpoint.
        """


class Inline:
    """One job after another in this process."""

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Iterator[JobOutcome]:
        """Yield the outcomes in order."""
        for number, job in enumerate(jobs):
            check()
            view.started(job)
            outcome = run_job(job, log, force=force)
            view.ended(job, outcome.result, outcome.reason)
            yield outcome
            if number == 0:
                settle()


def run_job(job: Job, log: Path, *, force: bool, observer: Observer | None = None) -> JobOutcome:
    """Run one job; whatever it raises but an interruption is the reason why it failed."""
    try:
        return JobOutcome(job, execute(job, force=force, observer=observer))
    except Exception as error:  # noqa: BLE001  # one bad job fails alone, whatever it raises
        write_whole(log / f"{job.folder.short_hash}.trace.txt", traceback.format_exc())
        return JobOutcome(job, None, f"{type(error).__name__}: {error}")


def settle() -> None:
    """Take what the first job imported out of the garbage collector's rounds.

    Keras asks for a full round before each model: 0.4 s over a million objects that stay anyway.
    """
    gc.collect()
    gc.freeze()
