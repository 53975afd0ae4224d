"""A worker process: takes jobs from a pipe, runs them, and tells what happens through the same pipe."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from io import TextIOBase
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sentiment_lab.base.signals import install_handlers
from sentiment_lab.runs.job import Job
from sentiment_lab.training.callbacks import Callback, Progress
from sentiment_lab.training.result import EpochRecord

PROGRESS_SECONDS = 0.5
"""Seconds between two messages of one run within an epoch."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Settings:
    """What a worker is started with."""

    threads: int
    gpu: str | None
    log: Path
    force: bool


def work(pipe: Connection, settings: Settings) -> None:
    """Run the jobs that come, one after another, until the pipe is closed or the process is told to end.

    A message is a pair of a word and what belongs to it: ("progress", Progress), ("epoch", EpochRecord), ("said",
    line), ("ended", (reason, MiB of memory at its peak)); the reason is empty for a run that is complete.
    """
    # Ctrl-C reaches all processes of a terminal; here the one that started the workers passes it on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    install_handlers()
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(settings.threads)
    if settings.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = settings.gpu
    sys.stderr = _Lines(pipe)
    try:
        while True:
            job = pipe.recv()
            pipe.send(("ended", (_run(job, pipe, settings), peak_mib())))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return


def here(job: Job, threads: int) -> Job:
    """Return a job as it runs in a worker: with its share of the threads, and without a progress bar of its own."""
    launch = replace(job.config.launch, threads=threads, progress="none")
    return replace(job, config=replace(job.config, launch=launch))


def peak_mib() -> float:
    """Return the largest resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _run(job: Job, pipe: Connection, settings: Settings) -> str:
    from sentiment_lab.sweeps.executors.base import run_job

    outcome = run_job(here(job, settings.threads), settings.log, force=settings.force, observer=_Teller(pipe))
    return outcome.reason


class _Teller(Callback):
    """Passes on what a run tells."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._last = pipe, 0.0

    def batch_ended(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_SECONDS:
            self._last = now
            self._tell("progress", progress)

    def epoch_ended(self, record: EpochRecord) -> None:
        self._tell("epoch", record)

    def _tell(self, kind: str, content: Any) -> None:
        try:
            self._pipe.send((kind, content))
        except BrokenPipeError:
            raise KeyboardInterrupt("the sweep's main process is gone") from None


class _Lines(TextIOBase):
    """A standard error whose lines go through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._begun = pipe, ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        with suppress(BrokenPipeError):
            for line in filter(None, lines):
                self._pipe.send(("said", line))
        return len(text)
