"""Running jobs as tasks of a Ray cluster: Ray places them, and restarts those of a lost machine on another one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sentiment_lab.base.errors import first_line
from sentiment_lab.base.portable import VARIABLES
from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import JobOutcome, Outcomes
from sentiment_lab.sweeps.executors.remote import Follower, LaunchError, RemoteJob, check_gpus, load_extra, remote_jobs
from sentiment_lab.sweeps.view import View

RETRIES = 1
"""Restarts of a run whose process or machine was lost."""
POLL_SECONDS = 1.0
GRACE_SECONDS = 60.0
CONNECT_SECONDS = 5.0


class RayExecutor:
    """Runs jobs on the cluster at `launch.address`, or on a local cluster."""

    def __init__(self, launch: LaunchConfig) -> None:
        self._launch = launch
        self._ray: Any = load_extra("ray")

    def run(self, jobs: Sequence[Job], view: View, log: Path, *, force: bool) -> Outcomes:
        """Yield the outcomes as the jobs end.

        Raises LaunchError when the cluster is unreachable or lacks GPUs.
        """
        started = self._connect()
        resources = self._ray.cluster_resources()
        check_gpus(self._launch, resources.get("GPU", 0))
        view.message(None, f"Ray: {_nodes(self._ray)} nodes, {resources.get('CPU', 0):g} processors")
        pairs = zip(remote_jobs(jobs, log, force=force), jobs, strict=True)
        running = {self._submit(remote): (remote, job) for remote, job in pairs}
        try:
            yield from self._gather(running, view)
        finally:
            self._cancel(running, view)
            if started:
                self._ray.shutdown()

    def _connect(self) -> bool:
        """Connect to the cluster; return False if this process was connected already."""
        if self._ray.is_initialized():
            return False
        address = self._launch.address
        try:
            check_reachable(address)
            self._ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise LaunchError(f"no Ray cluster at launch.address={address}: {first_line(error)}") from error
        return True

    def _submit(self, remote: RemoteJob) -> Any:
        launch = self._launch
        task = self._ray.remote(
            num_cpus=launch.cpus_per_run,
            num_gpus=launch.gpus_per_run,
            max_retries=RETRIES,
            max_calls=launch.runs_per_worker,
            runtime_env={"env_vars": VARIABLES} if launch.portable else None,
        )(_run)
        return task.options(name=remote.job.name).remote(remote)

    def _gather(self, running: dict[Any, tuple[RemoteJob, Job]], view: View) -> Iterator[JobOutcome]:
        follower = Follower([job for _, job in running.values()], view)
        while running:
            check()
            done, _ = self._ray.wait(list(running), num_returns=1, timeout=POLL_SECONDS)
            follower.poll([job for reference, (_, job) in running.items() if reference not in done])
            for reference in done:
                remote, job = running.pop(reference)
                follower.ended(job)
                yield remote.outcome(self._reason(reference), view, job)

    def _reason(self, reference: Any) -> str:
        try:
            return str(self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {first_line(error)}"

    def _cancel(self, running: dict[Any, tuple[RemoteJob, Job]], view: View) -> None:
        """Cancel the running tasks; a second interruption kills them."""
        if not running:
            return
        view.message(None, f"stopping {len(running)} runs; press Ctrl-C again to kill them")
        try:
            for reference in running:
                self._ray.cancel(reference)
            deadline = time.monotonic() + GRACE_SECONDS
            self._ray.wait(list(running), num_returns=len(running), timeout=deadline - time.monotonic())
        except BaseException:
            for reference in running:
                self._ray.cancel(reference, force=True)
            raise


def check_reachable(address: str | None) -> None:
    """Raise OSError when nothing listens at host:port; Ray itself would wait for minutes."""
    host, separator, port = (address or "").rpartition("://")[2].rpartition(":")
    if separator:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def _run(remote: RemoteJob) -> str:
    return remote()


def _nodes(ray: Any) -> int:
    return sum(bool(node["Alive"]) for node in ray.nodes())
