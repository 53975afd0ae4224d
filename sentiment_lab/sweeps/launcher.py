"""The Hydra launcher: it receives all jobs of a sweep at once, checks them all, and passes them to a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sentiment_lab.base.console import print_message
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.job_composer import JobComposer
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.grid import plan_jobs

Values = Sequence[float | None]
UseJobs = Callable[[Sequence[Job], Sequence[str]], Values]
"""Takes the jobs of a sweep and its overrides; returns a value for each job, which Hydra's own sweepers optimise."""


class JobsLauncher(Launcher):  # type: ignore[misc]  # hydra is untyped
    """Composes and checks all jobs of a sweep, then calls `use` with them."""

    def __init__(self, use: UseJobs) -> None:
        """Take the function that trains the jobs, lists them, or does whatever else a command is for."""
        self._use = use

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep the sweep's config; `use` replaces the task function."""
        del task_function
        self._config = config
        self._compose = JobComposer(hydra_context.config_loader, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Call `use` with all jobs and return the value of each, in the order of `job_overrides`.

        Raises ConfigError with the problems of all jobs, before any of them is used.
        """
        del initial_job_idx
        jobs, positions = plan_jobs(job_overrides, self._compose)
        if len(jobs) < len(positions):
            print_message(f"{len(positions)} jobs requested, {len(jobs)} of them distinct: equal configs run once")
        key, chosen = "hydra.sweeper.max_batch_size", jobs[0].config.study.choose
        if chosen and (size := OmegaConf.select(self._config, key)):
            raise ConfigError([f"{key} must be null where study.choose={chosen}, got {size}"])
        values = self._use(jobs, list(map(str, self._config.hydra.overrides.task)))
        return [_job_return(asked, values[index]) for asked, index in zip(job_overrides, positions, strict=True)]


def train_jobs(jobs: Sequence[Job], command: Sequence[str], *, force: bool) -> Values:
    """Run the jobs as a sweep and return the best validation accuracy of each; `force` retrains complete runs.

    The value of a job that tuning did not select is None. Raises SweepFailedError after the last job when any failed.
    """
    from sentiment_lab.sweeps.sweep import SweepFailedError, run_study

    results = {outcome.job.folder.short_hash: outcome.result for outcome in run_study(jobs, command, force=force)}
    if None in results.values():
        raise SweepFailedError
    trained = [results.get(job.folder.short_hash) for job in jobs]
    return [None if result is None else result.best_validation_accuracy for result in trained]


def _job_return(overrides: Sequence[str], value: float | None) -> JobReturn:
    done: Any = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    done.return_value = value
    return done
