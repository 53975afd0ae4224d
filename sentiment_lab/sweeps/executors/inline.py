"""Running one job after another in this process."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

from sentiment_lab.base.signals import check
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import Outcomes, run_job
from sentiment_lab.sweeps.view import View


class InlineExecutor:
    """Runs one job after another in this process."""

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Outcomes:
        """Yield the outcomes in order."""
        for number, job in enumerate(jobs):
            check()
            view.started(job)
            outcome = run_job(job, log, force=force)
            view.ended(job, outcome.result, outcome.reason)
            yield outcome
            if number == 0:
                freeze_gc()


def freeze_gc() -> None:
    """Exclude all objects of the first job's imports from garbage collection.

    Keras requests a full collection before each model: 0.4 s for a million objects that stay alive anyway.
    """
    gc.collect()
    gc.freeze()
