"""The interface of executors, and running one job: the same code, wherever it runs."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from sentiment_lab.base.files import StorageError, atomic_write
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.view import View
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import Result


@dataclass(frozen=True)
class JobOutcome:
    """The outcome of one job: its result, or the reason why it failed."""

    job: Job
    result: Result | None
    reason: str = ""

    @property
    def error(self) -> str:
        """Name of the exception's type, if the reason is an exception."""
        return self.reason.partition(":")[0]


Outcomes: TypeAlias = Generator[JobOutcome, None, None]


class Executor(Protocol):
    """Runs jobs in any order and place; a job that fails ends no other."""

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Outcomes:
        """Yield the outcome of each job as it ends and update the view; `log` is the folder for tracebacks.

        Closing the iterator, or an interruption, ends the running jobs; they can resume from their last checkpoint.
        """


def run_job(job: Job, log: Path, *, force: bool, callback: Callback | None = None) -> JobOutcome:
    """Run one job and return its outcome: any exception but an interruption becomes the reason of a failure."""
    try:
        return JobOutcome(job, execute(job, force=force, callback=callback))
    except Exception as error:  # noqa: BLE001  # no exception of a job ends the sweep
        with suppress(StorageError):  # the disk may be full, which is why the job failed
            atomic_write(log / f"{job.folder.short_hash}.trace.txt", traceback.format_exc())
        return JobOutcome(job, None, f"{type(error).__name__}: {error}")
