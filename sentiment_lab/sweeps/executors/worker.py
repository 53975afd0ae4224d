"""A worker process: takes jobs from a pipe, runs them, and sends messages through the same pipe."""

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
"""Seconds between two progress messages of a run."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Settings:
    """Settings of a worker."""

    threads: int
    gpu: str | None
    log: Path
    force: bool


def work(pipe: Connection, settings: Settings) -> None:
    """Run the jobs that arrive, one after another, until the pipe is closed or the process is interrupted.

    A message is a pair of kind and content: ("progress", Progress), ("epoch", EpochRecord), ("message", line),
    ("ended", (reason, peak memory in MiB)); the reason is empty for a complete run.
    """
    # Ctrl-C reaches all processes of a terminal; the process that started the workers ends them itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    install_handlers()
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(settings.threads)
    if settings.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = settings.gpu
    sys.stderr = _PipeStream(pipe)
    try:
        while True:
            job = pipe.recv()
            pipe.send(("ended", (_run(job, pipe, settings), peak_mib())))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return


def with_worker_settings(job: Job, threads: int) -> Job:
    """Return a job as it runs in a worker: with this many threads and without its own progress output."""
    launch = replace(job.config.launch, threads=threads, progress="none")
    return replace(job, config=replace(job.config, launch=launch))


def peak_mib() -> float:
    """Return the peak resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _run(job: Job, pipe: Connection, settings: Settings) -> str:
    from sentiment_lab.sweeps.executors.base import run_job

    job = with_worker_settings(job, settings.threads)
    return run_job(job, settings.log, force=settings.force, callback=_PipeCallback(pipe)).reason


class _PipeCallback(Callback):
    """Sends progress and epochs of a run through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._last = pipe, 0.0

    def batch_ended(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_SECONDS:
            self._last = now
            self._send("progress", progress)

    def epoch_ended(self, record: EpochRecord) -> None:
        self._send("epoch", record)

    def _send(self, kind: str, content: Any) -> None:
        try:
            self._pipe.send((kind, content))
        except BrokenPipeError:
            raise KeyboardInterrupt("the sweep's main process has exited") from None


class _PipeStream(TextIOBase):
    """A standard error that sends its lines through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._unfinished = pipe, ""

    def write(self, text: str) -> int:
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        with suppress(BrokenPipeError):
            for line in filter(None, lines):
                self._pipe.send(("message", line))
        return len(text)
