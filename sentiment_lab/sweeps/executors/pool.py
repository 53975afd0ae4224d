"""Worker processes on this machine: each takes one job after another, and one that dies takes nothing with it.

`concurrent.futures` and loky give all waiting jobs up when one worker is killed. Here the worker alone is replaced, and
its job, which left a checkpoint, is tried once more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import JobOutcome
from sentiment_lab.sweeps.executors.worker import Settings, work
from sentiment_lab.sweeps.view import View

TRIES = 2
"""How often a job is run whose worker died."""
GRACE_SECONDS = 60.0
"""Seconds that a worker has to end its run before it is killed."""


@dataclass
class _Worker:
    """A process, its end of the pipe, and the job that it runs."""

    process: BaseProcess
    pipe: Connection
    gpu: str | None
    job: Job | None = None
    since: float = 0.0
    runs: int = 0
    first_mib: float | None = None
    """Memory after its first run; what it takes beyond that is growth."""
    told_to_end: float | None = None
    """When its run was told to end, because it took too long."""


class PoolExecutor:
    """Runs jobs in `workers` processes with an equal share of the machine's threads each."""

    def __init__(self, launch: LaunchConfig) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._launch = launch
        self._size = launch.workers or max(1, cores // (launch.threads or 1))
        self._threads = launch.threads or max(1, cores // self._size)
        self._gpus = visible_gpus()
        self._workers: list[_Worker] = []
        self._retired: list[BaseProcess] = []
        self._waiting: deque[Job] = deque()
        self._tries: dict[str, int] = {}

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Iterator[JobOutcome]:
        """Yield the outcomes as the jobs end."""
        self._view, self._log, self._force = view, log, force
        self._waiting.extend(jobs)
        view.said(None, f"{min(self._size, len(jobs))} workers with {self._threads} threads each")
        try:
            while self._waiting or any(worker.job for worker in self._workers):
                check()
                self._hand_out()
                yield from self._listen()
                self._end_those_over_time()
        finally:
            self._end_all()

    def _hand_out(self) -> None:
        """Give a job to each worker that has none, starting workers while there is more to do than they do."""
        idle = [worker for worker in self._workers if worker.job is None]
        while self._waiting and (idle or len(self._workers) < self._size):
            worker = idle.pop() if idle else self._start()
            worker.job, worker.since = self._waiting.popleft(), time.monotonic()
            name = worker.job.folder.short_hash
            self._tries[name] = self._tries.get(name, 0) + 1
            self._view.started(worker.job)
            with suppress(BrokenPipeError):  # it died; `_listen` finds that out
                worker.pipe.send(worker.job)

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        gpu = self._least_used_gpu()
        settings = Settings(self._threads, gpu, self._log, self._force)
        process = context.Process(target=work, args=(theirs, settings), name="sentiment-lab worker")
        process.start()
        theirs.close()
        worker = _Worker(process, ours, gpu)
        self._workers.append(worker)
        return worker

    def _least_used_gpu(self) -> str | None:
        used = [worker.gpu for worker in self._workers]
        return min(self._gpus, key=used.count, default=None)

    def _listen(self) -> Iterator[JobOutcome]:
        """Wait for messages for a moment and pass them on; yield the outcomes among them."""
        ready = wait([worker.pipe for worker in self._workers], timeout=0.5)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                yield from self._lost(worker)
            else:
                yield from self._told(worker, kind, content)

    def _told(self, worker: _Worker, kind: str, content: Any) -> Iterator[JobOutcome]:
        job = worker.job
        if kind == "said":
            self._view.said(job, content)
        elif job and kind == "progress":
            self._view.progressed(job, content)
        elif job and kind == "epoch":
            self._view.epoch_ended(job, content)
        elif job and kind == "ended":
            reason, mib = content
            worker.job, worker.runs = None, worker.runs + 1
            worker.first_mib = worker.first_mib or mib
            if worker.runs >= self._launch.runs_per_worker or mib - worker.first_mib > self._launch.worker_growth_mib:
                self._retire(worker)
            yield self._outcome(job, reason)

    def _lost(self, worker: _Worker) -> Iterator[JobOutcome]:
        """Put the job of a worker that died back, or give it up where that happened before."""
        worker.process.join()
        self._retire(worker)
        job = worker.job
        if job is None:
            return
        if worker.told_to_end is not None:
            yield self._outcome(job, f"it took longer than launch.minutes_per_run={self._launch.minutes_per_run:g}")
            return
        died = f"its worker {_how(worker.process.exitcode)}"
        if self._tries[job.folder.short_hash] < TRIES:
            self._view.said(job, f"{died}; it is tried once more")
            self._waiting.appendleft(job)
        else:
            yield self._outcome(job, f"{died}, {TRIES} times")

    def _outcome(self, job: Job, reason: str) -> JobOutcome:
        result = None if reason else job.folder.result()
        self._view.ended(job, result, reason)
        return JobOutcome(job, result, reason)

    def _end_those_over_time(self) -> None:
        minutes = self._launch.minutes_per_run
        if minutes is None:
            return
        now = time.monotonic()
        for worker in self._workers:
            if worker.told_to_end is not None and now - worker.told_to_end > GRACE_SECONDS:
                worker.process.kill()
            elif worker.told_to_end is None and worker.job and now - worker.since > 60 * minutes:
                worker.told_to_end = now
                worker.process.terminate()

    def _retire(self, worker: _Worker) -> None:
        worker.pipe.close()  # an idle worker ends when its pipe does
        self._workers.remove(worker)
        self._retired.append(worker.process)

    def _end_all(self) -> None:
        """End every worker, those that run something by a signal; a second interruption kills them."""
        busy = [worker for worker in self._workers if worker.job]
        for worker in busy:
            worker.process.terminate()
        if busy:
            self._view.said(None, f"{len(busy)} runs are being ended; Ctrl-C again ends them at once")
        processes = [worker.process for worker in self._workers] + self._retired
        for worker in self._workers:
            if not worker.job:
                worker.pipe.close()
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            for process in processes:
                process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()
                process.join()


def visible_gpus() -> list[str]:
    """Return the GPUs that may be used, as CUDA names them; none where there are none."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name]
    return sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"was killed ({name}{': out of memory?' if name == 'SIGKILL' else ''})"
    return f"ended with code {code}"
