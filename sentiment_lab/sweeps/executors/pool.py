"""Running jobs in worker processes on this machine; each worker takes one job after another.

`concurrent.futures` and loky abandon all waiting jobs when one worker is killed. Here only that worker is replaced, and
its job is retried once from its checkpoint.
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
from sentiment_lab.sweeps.executors.base import JobOutcome, Outcomes
from sentiment_lab.sweeps.executors.worker import Settings, work
from sentiment_lab.sweeps.view import View

MAX_ATTEMPTS = 2
"""Attempts at a job whose worker dies."""
GRACE_SECONDS = 60.0
"""Seconds between a worker's SIGTERM and its SIGKILL."""


@dataclass
class _Worker:
    """A process, our end of its pipe, and its current job."""

    process: BaseProcess
    pipe: Connection
    gpu: str | None
    job: Job | None = None
    since: float = 0.0
    runs: int = 0
    first_mib: float | None = None
    """Peak memory after its first run, from which growth is measured."""
    terminated_at: float | None = None
    """When its run was terminated because it exceeded its time."""


class PoolExecutor:
    """Runs jobs in `launch.workers` processes, each with an equal share of the machine's threads."""

    def __init__(self, launch: LaunchConfig) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._launch = launch
        self._size = launch.workers or max(1, cores // (launch.threads or 1))
        self._threads = launch.threads or max(1, cores // self._size)
        self._gpus = visible_gpus()
        self._workers: list[_Worker] = []
        self._retired: list[BaseProcess] = []
        self._waiting: deque[Job] = deque()
        self._attempts: dict[str, int] = {}

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Outcomes:
        """Yield the outcomes as the jobs end."""
        self._view, self._log, self._force = view, log, force
        self._waiting.extend(jobs)
        view.message(None, f"{min(self._size, len(jobs))} workers, {self._threads} threads each")
        try:
            while self._waiting or any(worker.job for worker in self._workers):
                check()
                self._hand_out()
                yield from self._listen()
                self._end_overdue()
        finally:
            self._end_all()

    def _hand_out(self) -> None:
        """Give each idle worker a job, and start workers while jobs are waiting."""
        idle = [worker for worker in self._workers if worker.job is None]
        while self._waiting and (idle or len(self._workers) < self._size):
            worker = idle.pop() if idle else self._start()
            worker.job, worker.since = self._waiting.popleft(), time.monotonic()
            name = worker.job.folder.short_hash
            self._attempts[name] = self._attempts.get(name, 0) + 1
            self._view.started(worker.job)
            with suppress(BrokenPipeError):  # the worker died; `_listen` notices
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
        """Wait briefly for messages and process them; yield the outcomes among them."""
        ready = wait([worker.pipe for worker in self._workers], timeout=0.5)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                yield from self._lost(worker)
            else:
                yield from self._process(worker, kind, content)

    def _process(self, worker: _Worker, kind: str, content: Any) -> Iterator[JobOutcome]:
        job = worker.job
        if kind == "message":
            self._view.message(job, content)
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
        """Requeue the job of a worker that died, or fail it after MAX_ATTEMPTS."""
        worker.process.join()
        self._retire(worker)
        job = worker.job
        if job is None:
            return
        if worker.terminated_at is not None:
            yield self._outcome(job, f"it took longer than launch.minutes_per_run={self._launch.minutes_per_run:g}")
            return
        died = f"its worker {_describe_exit(worker.process.exitcode)}"
        if self._attempts[job.folder.short_hash] < MAX_ATTEMPTS:
            self._view.message(job, f"{died}; the job is retried once")
            self._waiting.appendleft(job)
        else:
            yield self._outcome(job, f"{died}, {MAX_ATTEMPTS} times")

    def _outcome(self, job: Job, reason: str) -> JobOutcome:
        result = None if reason else job.folder.result()
        self._view.ended(job, result, reason)
        return JobOutcome(job, result, reason)

    def _end_overdue(self) -> None:
        minutes = self._launch.minutes_per_run
        if minutes is None:
            return
        now = time.monotonic()
        for worker in self._workers:
            if worker.terminated_at is not None and now - worker.terminated_at > GRACE_SECONDS:
                worker.process.kill()
            elif worker.terminated_at is None and worker.job and now - worker.since > 60 * minutes:
                worker.terminated_at = now
                worker.process.terminate()

    def _retire(self, worker: _Worker) -> None:
        worker.pipe.close()  # an idle worker ends when its pipe does
        self._workers.remove(worker)
        self._retired.append(worker.process)

    def _end_all(self) -> None:
        """End every worker, busy ones by SIGTERM; a second interruption kills them."""
        busy = [worker for worker in self._workers if worker.job]
        for worker in busy:
            worker.process.terminate()
        if busy:
            self._view.message(None, f"stopping {len(busy)} runs; press Ctrl-C again to kill them")
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
    """Return the CUDA names of the GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name]
    return sorted(path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"was killed ({name}{': out of memory?' if name == 'SIGKILL' else ''})"
    return f"ended with exit code {code}"
