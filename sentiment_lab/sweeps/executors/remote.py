"""What Ray and Slurm share: a job as it runs on another machine, and how its journal is followed from here.

The machines share the folders of runs and store, and each has the reviews and this project installed. A run goes on
from its folder's checkpoint wherever it is started again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.settings import Config, ImdbData, LaunchConfig
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.provenance import code_version, environment
from sentiment_lab.sweeps.executors.base import JobOutcome, run_job
from sentiment_lab.sweeps.view import View
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord

LOCK_SECONDS = 60.0
"""How long a run waits for the process that held its folder before, which may still be dying."""
_MACHINES = ("cores", "machine", "processor", "system", "threads")
"""What of an environment may differ between machines that work together."""
_EXTRAS = {
    "ray": ("ray", "launch=ray"),
    "submitit": ("slurm", "launch=slurm"),
    "optuna": ("search", "hydra/sweeper=sentiment_lab_optuna"),
}


class LaunchError(LabError):
    """Runs that cannot be handed out; the text says what is missing."""


@dataclass(frozen=True)
class RemoteJob:
    """A job on its way to another machine."""

    job: Job
    log: Path
    force: bool
    versions: Mapping[str, str]
    """Of the code and of what computes, where the sweep was started."""

    def __call__(self) -> str:
        """Run the job; return the reason why it failed, empty where it did not."""
        differing = _differing(self.versions, versions())
        if differing:
            return f"LaunchError: this worker has other versions than the sweep's process: {differing}"
        _wait_for_lock(self.job)
        return run_job(self.job, self.log, force=self.force, observer=Callback()).reason

    def outcome(self, reason: str, view: View, job: Job) -> JobOutcome:
        """Return what became of `job`, which is this one as it was asked for, and tell the view."""
        result = None if reason else self.job.folder.result()
        view.ended(job, result, reason)
        return JobOutcome(job, result, reason)


def remote_jobs(jobs: Sequence[Job], log: Path, *, force: bool) -> list[RemoteJob]:
    """Return the jobs with absolute paths, their share of threads, and the versions that they expect."""
    expected = versions()
    return [RemoteJob(_portable(job), log.absolute(), force, expected) for job in jobs]


def versions() -> dict[str, str]:
    """Return the versions of the code and of what computes."""
    known = environment()
    return {"code": code_version().version, **{name: known[name] for name in known if name not in _MACHINES}}


def load_extra(name: str) -> ModuleType:
    """Import what an extra of this project brings.

    Raises LaunchError with the line that installs it.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra, setting = _EXTRAS[name]
        raise LaunchError(f"{setting} needs {name}: pip install 'sentiment-lab[{extra}]'") from error


class Follower:
    """Tells the view what the journals of running jobs say, each epoch once."""

    def __init__(self, jobs: Sequence[Job], view: View) -> None:
        self._view = view
        self._begun: set[str] = set()
        self._told = {job.folder.short_hash: _epochs(job) for job in jobs}

    def look(self, jobs: Sequence[Job]) -> None:
        """Read the journals of these jobs."""
        for job in jobs:
            name = job.folder.short_hash
            if name not in self._begun and job.folder.holder is not None:
                self._begun.add(name)
                self._view.started(job)
            if name in self._begun:
                self._tell_epochs(job, name)

    def ended(self, job: Job) -> None:
        """Tell what a job did that ended between two looks."""
        name = job.folder.short_hash
        if name not in self._begun:
            self._view.started(job)
        self._tell_epochs(job, name)
        self._begun.discard(name)

    def _tell_epochs(self, job: Job, name: str) -> None:
        epochs = _epochs(job)
        for record in epochs[len(self._told[name]) :]:
            self._view.epoch_ended(job, record)
        self._told[name] = epochs


def _epochs(job: Job) -> list[EpochRecord]:
    names = [field.name for field in fields(EpochRecord)]
    events = [event for event in job.folder.events() if event["event"] == "epoch"]
    return [EpochRecord(**{name: event[name] for name in names}) for event in events]


def _portable(job: Job) -> Job:
    config, launch = job.config, job.config.launch
    paths = config.paths
    paths = replace(paths, runs=str(Path(paths.runs).absolute()), store=str(Path(paths.store).absolute()))
    launch = replace(launch, threads=launch.threads or launch.cpus_per_run, progress="none")
    return replace(job, config=replace(_with_absolute_data(config), paths=paths, launch=launch))


def _with_absolute_data(config: Config) -> Config:
    data = config.data
    if isinstance(data, ImdbData) and data.path and Path(data.path).exists():
        return replace(config, data=replace(data, path=str(Path(data.path).absolute())))
    return config


def _differing(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {found.get(name)} in place of {version}"
        for name, version in expected.items()
        if found.get(name) != version
    )


def _wait_for_lock(job: Job) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while job.folder.holder is not None and time.monotonic() < deadline:
        time.sleep(0.5)


def gpus_needed(launch: LaunchConfig, there: float) -> None:
    """Raise LaunchError where a run asks for more GPUs than there are."""
    if launch.gpus_per_run > there:
        raise LaunchError(f"launch.gpus_per_run is {launch.gpus_per_run}, but the cluster has {there:g} GPUs")
