"""The Hydra launchers: they receive all jobs of a sweep at once, check them all, and run or list them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sentiment_lab.base.console import print_message
from sentiment_lab.config.job_composer import JobComposer
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.grid import plan_jobs

Values = Sequence[float | None]


class JobsLauncher(Launcher):  # type: ignore[misc]  # hydra is untyped
    """Hands all jobs of a command to `use`."""

    @abstractmethod
    def use(self, jobs: Sequence[Job], command: Sequence[str]) -> Values:
        """Use the jobs and return a value for each: what an optimising sweeper of Hydra goes by."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives to compose the jobs with; our sweep replaces the task function."""
        del task_function
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Use all jobs and return the value of each, in the order asked.

        Raises ConfigError with the problems of all jobs, before any of them is used.
        """
        del initial_job_idx
        jobs, asked = plan_jobs(job_overrides, self.compose)
        if len(jobs) < len(asked):
            print_message(f"{len(asked)} jobs asked for, {len(jobs)} of them differ: the same config runs once")
        key, chosen = "hydra.sweeper.max_batch_size", jobs[0].config.study.choose
        if chosen and (size := OmegaConf.select(self._config, key)):
            raise ConfigError([f"{key} must be null where validation chooses {chosen}, got {size}"])
        values = self.use(jobs, [str(word) for word in self._config.hydra.overrides.task])
        return [_job_return(words, values[job]) for words, job in zip(job_overrides, asked, strict=True)]

    @cached_property
    def compose(self) -> JobComposer:
        """Composes and checks jobs."""
        return JobComposer(self._context.config_loader, self._config)


class SweepLauncher(JobsLauncher):
    """Trains the jobs; `force` trains again what is complete. Hydra makes the object, so the command sets the class."""

    force = False

    def use(self, jobs: Sequence[Job], command: Sequence[str]) -> Values:
        """Run the sweep.

        Raises SweepFailedError after the last job when any of them failed.
        """
        from sentiment_lab.sweeps.sweep import SweepFailedError, run_study

        results = {
            outcome.job.folder.short_hash: outcome.result for outcome in run_study(jobs, command, force=self.force)
        }
        if None in results.values():
            raise SweepFailedError
        found = [results.get(job.folder.short_hash) for job in jobs]  # none of a value that was not chosen
        return [None if result is None else result.best_validation_accuracy for result in found]


class PlanLauncher(JobsLauncher):
    """Trains nothing and lists the jobs."""

    listed: ClassVar[list[Job]] = []

    def use(self, jobs: Sequence[Job], command: Sequence[str]) -> Values:
        """Keep the jobs."""
        del command
        self.listed[:] = jobs
        return [None] * len(jobs)


def _job_return(overrides: Sequence[str], value: float | None) -> JobReturn:
    done: Any = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    done.return_value = value
    return done
