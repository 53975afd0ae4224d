"""What an executor is given and what it gives back: each job runs the same code, wherever it runs."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sentiment_lab.base.files import atomic_write
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.view import View
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import Result


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


def run_job(job: Job, log: Path, *, force: bool, observer: Callback | None = None) -> JobOutcome:
    """Run one job; whatever it raises but an interruption is the reason why it failed."""
    try:
        return JobOutcome(job, execute(job, force=force, observer=observer))
    except Exception as error:  # noqa: BLE001  # one bad job fails alone, whatever it raises
        atomic_write(log / f"{job.folder.short_hash}.trace.txt", traceback.format_exc())
        return JobOutcome(job, None, f"{type(error).__name__}: {error}")
