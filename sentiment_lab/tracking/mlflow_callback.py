"""The callback that mirrors a run to MLflow while it trains, from a separate thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sentiment_lab.config.settings import TrackingConfig
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.tracking.run_mirror import RunMirror
from sentiment_lab.tracking.store import Store
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord, Result

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset as SplitDataset

SYSTEM_METRICS_SECONDS = 2
HEARTBEAT_SECONDS = 30.0
RETRY_SECONDS = 10.0
"""Seconds before the next attempt after a failure of the store."""
GIVE_UP_SECONDS = 60.0
"""Seconds that a failed or killed run waits for the store before its process ends."""


class MlflowCallback(Callback):
    """Mirrors a run from a separate thread, so that a slow or unreachable store does not delay training.

    A failure of the store is printed once and the push repeated; the run folder has what the store missed.
    """

    def __init__(self, store: Store, tracking: TrackingConfig, folder: RunFolder, warn: Callable[[str], None]) -> None:
        self._store, self._tracking, self._warn = store, tracking, warn
        self._run = RunMirror(store, tracking, folder)
        self._wake, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        self._away, self._hurried = False, False
        self._retry_at = 0.0
        self._system: Any = None

    def started(self) -> None:
        """Create the run, or find that of an earlier attempt."""
        self._thread.start()

    def data_ready(self, dataset: SplitDataset) -> None:  # noqa: ARG002
        """Log the hashes and one dataset input per part."""
        self._wake.set()

    def epoch_ended(self, record: EpochRecord) -> None:  # noqa: ARG002
        """Log one epoch in one batch."""
        self._wake.set()

    def completed(self, result: Result) -> None:  # noqa: ARG002
        """Log the final numbers, figures, files and the model; mark the run finished."""
        self._end(None)

    def stopped(self, status: str, reason: str) -> None:  # noqa: ARG002
        """Mark the run failed or killed, with the reason as a tag."""
        self._end(GIVE_UP_SECONDS)

    def _end(self, patience: float | None) -> None:
        self._hurried = patience is not None
        self._ending.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _work(self) -> None:
        while not self._ending.is_set():
            if time.monotonic() >= self._retry_at:
                self._try_push(alive=True)
            self._wake.wait(RETRY_SECONDS if self._away else HEARTBEAT_SECONDS)
            self._wake.clear()
        if self._system is not None:
            self._system.finish()
        self._try_push(alive=False)

    def _try_push(self, *, alive: bool) -> None:
        try:
            if alive or self._hurried:
                self._run.push(alive=alive)
            else:
                self._store.retry(lambda: self._run.push(alive=False))
            if alive and self._tracking.system_metrics and self._system is None:
                self._start_system_metrics()
        except Exception as error:  # noqa: BLE001  # training continues without a store
            self._warn_of(error, alive=alive)
        else:
            if self._away:
                self._warn(f"MLflow store {self._store.uri} is reachable again and up to date")
            self._away = False

    def _warn_of(self, error: Exception, *, alive: bool) -> None:
        message = self._store.message(error)
        if alive and not self._away:
            self._warn(f"{message}\n  training continues in the run folder; the store is retried")
        if not alive:
            self._warn(f"{message}\n  the end of this run is missing there; `sentiment-lab sync` adds it")
        self._away, self._retry_at = True, time.monotonic() + RETRY_SECONDS

    def _start_system_metrics(self) -> None:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._system = SystemMetricsMonitor(
            self._run.run_id,
            SYSTEM_METRICS_SECONDS,
            resume_logging=self._run.found,
            tracking_uri=self._store.uri,
        )
        self._system.start()
