"""Runs as tasks of a Ray cluster: Ray places them, and starts those of a lost machine again on another one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sentiment_lab.base.errors import first_line
from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import JobOutcome
from sentiment_lab.sweeps.executors.remote import Follower, LaunchError, RemoteJob, gpus_needed, load_extra, remote_jobs
from sentiment_lab.sweeps.view import View

RETRIES = 1
"""How often a run is started again whose process or machine was lost."""
LOOK_SECONDS = 1.0
GRACE_SECONDS = 60.0
CONNECT_SECONDS = 5.0


class RayExecutor:
    """Runs jobs on the cluster at `launch.address`, or on one of this machine's own."""

    def __init__(self, launch: LaunchConfig) -> None:
        self._launch = launch
        self._ray: Any = load_extra("ray")

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Iterator[JobOutcome]:
        """Yield the outcomes as the jobs end.

        Raises LaunchError where the cluster cannot be reached or lacks GPUs.
        """
        started = self._connect()
        resources = self._ray.cluster_resources()
        gpus_needed(self._launch, resources.get("GPU", 0))
        view.said(None, f"Ray: {_nodes(self._ray)} nodes, {resources.get('CPU', 0):g} processors")
        pairs = zip(remote_jobs(jobs, log, force=force), jobs, strict=True)
        sent = {self._send(errand): (errand, job) for errand, job in pairs}
        try:
            yield from self._gather(sent, view)
        finally:
            self._cancel(sent, view)
            if started:
                self._ray.shutdown()

    def _connect(self) -> bool:
        """Connect; return whether that was needed."""
        if self._ray.is_initialized():
            return False
        address = self._launch.address
        try:
            check_reachable(address)
            self._ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise LaunchError(f"no Ray cluster answers at launch.address={address}: {first_line(error)}") from error
        return True

    def _send(self, errand: RemoteJob) -> Any:
        launch = self._launch
        task = self._ray.remote(
            num_cpus=launch.cpus_per_run,
            num_gpus=launch.gpus_per_run,
            max_retries=RETRIES,
            max_calls=launch.runs_per_worker,
        )(_run)
        return task.options(name=errand.job.name).remote(errand)

    def _gather(self, sent: dict[Any, tuple[RemoteJob, Job]], view: View) -> Iterator[JobOutcome]:
        follower = Follower([job for _, job in sent.values()], view)
        while sent:
            check()
            done, _ = self._ray.wait(list(sent), num_returns=1, timeout=LOOK_SECONDS)
            follower.look([job for reference, (_, job) in sent.items() if reference not in done])
            for reference in done:
                errand, job = sent.pop(reference)
                follower.ended(job)
                yield errand.outcome(self._reason(reference), view, job)

    def _reason(self, reference: Any) -> str:
        try:
            return str(self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {first_line(error)}"

    def _cancel(self, sent: dict[Any, tuple[RemoteJob, Job]], view: View) -> None:
        """End what still runs; a second interruption ends it at once."""
        if not sent:
            return
        view.said(None, f"{len(sent)} runs are being ended; Ctrl-C again ends them at once")
        try:
            for reference in sent:
                self._ray.cancel(reference)
            deadline = time.monotonic() + GRACE_SECONDS
            self._ray.wait(list(sent), num_returns=len(sent), timeout=deadline - time.monotonic())
        except BaseException:
            for reference in sent:
                self._ray.cancel(reference, force=True)
            raise


def check_reachable(address: str | None) -> None:
    """Raise OSError where nobody listens at host:port: Ray itself would wait for minutes."""
    host, separator, port = (address or "").rpartition("://")[2].rpartition(":")
    if separator:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def _run(errand: RemoteJob) -> str:
    return errand()


def _nodes(ray: Any) -> int:
    return sum(bool(node["Alive"]) for node in ray.nodes())
