"""Running jobs on Slurm, submitted as one array by submitit; a preempted job is requeued and resumes."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import Outcomes
from sentiment_lab.sweeps.executors.remote import Follower, LaunchError, RemoteJob, load_extra, remote_jobs
from sentiment_lab.sweeps.view import View

POLL_SECONDS = 1.0
DEFAULT_MINUTES = 24 * 60
SIGNAL_SECONDS = 120
"""Seconds before its time limit at which a job is signalled; it is requeued then and resumes from its checkpoint."""


class RequeuedJob:
    """A remote job that submitit requeues after a preemption."""

    def __init__(self, remote: RemoteJob) -> None:
        self.remote = remote

    def __call__(self) -> str:
        """Run the job."""
        return self.remote()

    def checkpoint(self) -> Any:
        """Return the submission to requeue: this job, which resumes from the checkpoint in its run folder."""
        return load_extra("submitit").helpers.DelayedSubmission(self)


class SlurmExecutor:
    """Submits jobs to Slurm, or with `launch.cluster=local` to local processes that submitit treats like Slurm jobs."""

    def __init__(self, launch: LaunchConfig) -> None:
        self._launch = launch
        self._submitit: Any = load_extra("submitit")
        if launch.cluster == "slurm" and shutil.which("sbatch") is None:
            raise LaunchError("launch=slurm needs sbatch, which is not on PATH; launch.cluster=local needs no Slurm")

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Outcomes:
        """Yield the outcomes as the jobs end.

        Raises LaunchError when Slurm rejected the jobs.
        """
        waiting = list(zip(remote_jobs(jobs, log, force=force), jobs, strict=True))
        executor = self.executor(log / "submitit")
        follower = Follower(jobs, view)
        running: list[tuple[Any, RemoteJob, Job]] = []
        try:
            while waiting or running:
                check()
                batch = waiting[: self._room(len(running))]
                del waiting[: len(batch)]
                running += self._submit(executor, batch)
                follower.poll([job for _, _, job in running])
                for entry in [entry for entry in running if entry[0].done()]:
                    running.remove(entry)
                    submitted, remote, job = entry
                    follower.ended(job)
                    yield remote.outcome(_reason(submitted), view, job)
                time.sleep(POLL_SECONDS if running else 0)
        finally:
            for submitted, _, _ in running:
                submitted.cancel()

    def executor(self, folder: Path) -> Any:
        """Return submitit's executor with the settings of `launch`."""
        launch = self._launch
        executor = self._submitit.AutoExecutor(folder=folder, cluster=launch.cluster)
        executor.update_parameters(
            name="sentiment_lab",
            timeout_min=math.ceil(launch.minutes_per_run or DEFAULT_MINUTES),
            cpus_per_task=launch.cpus_per_run,
            gpus_per_node=launch.gpus_per_run,
            slurm_signal_delay_s=SIGNAL_SECONDS,
            **({"slurm_partition": launch.partition} if launch.partition else {}),
            **({"slurm_array_parallelism": launch.workers} if launch.workers else {}),
        )
        return executor

    def _room(self, running: int) -> int | None:
        """Return how many more jobs to submit; None is all, for a queue that limits them itself."""
        return None if self._launch.cluster == "slurm" else max(0, (self._launch.workers or 1) - running)

    def _submit(self, executor: Any, batch: Sequence[tuple[RemoteJob, Job]]) -> list[tuple[Any, RemoteJob, Job]]:
        if not batch:
            return []
        try:
            with executor.batch():
                submitted = [executor.submit(RequeuedJob(remote)) for remote, _ in batch]
        except self._submitit.core.utils.FailedJobError as error:
            raise LaunchError(f"Slurm rejected the jobs: {str(error).strip().splitlines()[-1]}") from error
        return [(job, *pair) for job, pair in zip(submitted, batch, strict=True)]


def _reason(submitted: Any) -> str:
    try:
        return str(submitted.result())
    except Exception as error:  # noqa: BLE001  # the job's own exception, or one of submitit
        return f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}; its log is {submitted.paths.stderr}"
