"""The Hydra launcher: receives all jobs of a sweep at once, checks them all, and runs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from sentiment_lab.compose import config_from_hydra, explained
from sentiment_lab.config import Config
from sentiment_lab.progress import say
from sentiment_lab.sweep.inline import SweepFailedError, run_sweep
from sentiment_lab.sweep.plan import plan_jobs


class SweepLauncher(Launcher):  # type: ignore[misc]  # hydra is untyped
    """Hands the jobs of `sentiment-lab train -m` to the sweep. `force` is set by the command."""

    force = False

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives to compose the jobs with; our sweep replaces the task function."""
        del task_function
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs and return the test accuracy of each, in the order asked.

        Raises ConfigError before the first job starts, SweepFailedError after the last when any of them failed.
        """
        del initial_job_idx
        jobs = plan_jobs(job_overrides, self._compose)
        if len(jobs) < len(job_overrides):
            say(f"{len(job_overrides)} jobs asked for, {len(jobs)} of them differ: the same config runs once")
        command = [str(word) for word in self._config.hydra.overrides.task]
        outcomes = run_sweep(jobs, command, Path(self._config.hydra.sweep.dir), force=self.force)
        if any(outcome.result is None for outcome in outcomes):
            raise SweepFailedError
        return [_job_return(overrides) for overrides in job_overrides]

    def _compose(self, overrides: Sequence[str]) -> Config:
        with explained():
            return config_from_hydra(self._context.config_loader.load_sweep_config(self._config, list(overrides)))


def _job_return(overrides: Sequence[str]) -> JobReturn:
    done: Any = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    done.return_value = None
    return done
