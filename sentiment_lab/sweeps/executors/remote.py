"""Code shared by Ray and Slurm: a job that runs on another machine, and following its journal from this one.

The machines share the folders of runs and store; each has the reviews and an installation of this project. A run that
is restarted, on any machine, resumes from the checkpoint in its folder.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.settings import Config, GeneratedData, ImdbData, LaunchConfig, TableData
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.provenance import code_version, environment
from sentiment_lab.sweeps.executors.base import JobOutcome, run_job
from sentiment_lab.sweeps.view import View
from sentiment_lab.training.result import EpochRecord

LOCK_SECONDS = 60.0
"""Seconds that a run waits for the lock of the process before it, which may still be dying."""
_MACHINE_NAMES = ("cores", "l1_cache", "machine", "processor", "system", "threads")
"""Names in an environment that may differ between the machines of one sweep."""
_EXTRAS = {
    "ray": ("ray", "launch=ray"),
    "submitit": ("slurm", "launch=slurm"),
    "optuna": ("search", "hydra/sweeper=sentiment_lab_optuna"),
}


class LaunchError(LabError):
    """Jobs that cannot be launched; the text names what is missing."""


@dataclass(frozen=True)
class RemoteJob:
    """A job to be run on another machine."""

    job: Job
    log: Path
    force: bool
    versions: Mapping[str, str]
    """Versions of code and packages where the sweep was started."""

    def __call__(self) -> str:
        """Run the job; return the reason of its failure, empty on success."""
        differing = _differing(self.versions, versions())
        if differing:
            return f"LaunchError: the versions of this worker differ from those of the sweep's process: {differing}"
        _wait_for_lock(self.job)
        return run_job(self.job, self.log, force=self.force).reason

    def outcome(self, reason: str, view: View, job: Job) -> JobOutcome:
        """Return the outcome of `job`, of which this is the remote form, and update the view."""
        result = None if reason else self.job.folder.result()
        view.ended(job, result, reason)
        return JobOutcome(job, result, reason)


def remote_jobs(jobs: Sequence[Job], log: Path, *, force: bool) -> list[RemoteJob]:
    """Return the remote form of jobs: absolute paths, their share of threads, and the expected versions."""
    expected = versions()
    return [RemoteJob(_with_absolute_paths(job), log.absolute(), force, expected) for job in jobs]


def versions() -> dict[str, str]:
    """Return the versions of code and packages."""
    record = environment()
    packages = {name: version for name, version in record.items() if name not in _MACHINE_NAMES}
    return {"code": code_version().version, **packages}


def load_extra(name: str) -> ModuleType:
    """Import a package that an extra of this project installs.

    Raises LaunchError with the command that installs it.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra, setting = _EXTRAS[name]
        raise LaunchError(f"{setting} needs {name}: pip install 'sentiment-lab[{extra}]'") from error


class Follower:
    """Updates the view from the journals of running jobs, each epoch once."""

    def __init__(self, jobs: Sequence[Job], view: View) -> None:
        self._view = view
        self._started: set[str] = set()
        self._shown = {job.folder.short_hash: _epochs(job) for job in jobs}

    def poll(self, jobs: Sequence[Job]) -> None:
        """Read the journals of these jobs."""
        for job in jobs:
            name = job.folder.short_hash
            if name not in self._started and job.folder.holder is not None:
                self._started.add(name)
                self._view.started(job)
            if name in self._started:
                self._show_epochs(job, name)

    def ended(self, job: Job) -> None:
        """Show the rest of a job that ended since the last poll."""
        name = job.folder.short_hash
        if name not in self._started:
            self._view.started(job)
        self._show_epochs(job, name)
        self._started.discard(name)

    def _show_epochs(self, job: Job, name: str) -> None:
        epochs = _epochs(job)
        for record in epochs[len(self._shown[name]) :]:
            self._view.epoch_ended(job, record)
        self._shown[name] = epochs


def _epochs(job: Job) -> list[EpochRecord]:
    names = [field.name for field in fields(EpochRecord)]
    events = [event for event in job.folder.events() if event["event"] == "epoch"]
    return [EpochRecord(**{name: event[name] for name in names}) for event in events]


def _with_absolute_paths(job: Job) -> Job:
    config, launch = job.config, job.config.launch
    paths = config.paths
    paths = replace(paths, runs=str(Path(paths.runs).absolute()), store=str(Path(paths.store).absolute()))
    launch = replace(launch, threads=launch.threads or launch.cpus_per_run, progress="none")
    return replace(job, config=replace(_with_absolute_data(config), paths=paths, launch=launch))


def _with_absolute_data(config: Config) -> Config:
    data = config.data
    if isinstance(data, GeneratedData) or not data.path or not _is_here(data):
        return config
    return replace(config, data=replace(data, path=str(Path(data.path).absolute())))


def _is_here(data: ImdbData | TableData) -> bool:
    return isinstance(data, TableData) or Path(str(data.path)).exists()


def _differing(expected: Mapping[str, str], actual: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {actual.get(name)} instead of {version}"
        for name, version in expected.items()
        if actual.get(name) != version
    )


def _wait_for_lock(job: Job) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while job.folder.holder is not None and time.monotonic() < deadline:
        time.sleep(0.5)


def check_gpus(launch: LaunchConfig, available: float) -> None:
    """Raise LaunchError when a run needs more GPUs than the cluster has."""
    if launch.gpus_per_run > available:
        raise LaunchError(
            f"launch.gpus_per_run must be at most {available:g}, the GPUs of the cluster, got {launch.gpus_per_run}"
        )
