"""The events of a run. The journal, the progress bar and MLflow receive them through callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment_lab.training.result import EpochRecord, Result

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset


@dataclass(frozen=True)
class Progress:
    """The state of training after a batch; loss and accuracy are means over the epoch so far."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    tokens_per_second: float


class Callback:
    """Receives the events of one run; each method does nothing unless a subclass overrides it."""

    def started(self) -> None:
        """Handle the start of the run, before its data is read."""

    def data_ready(self, dataset: Dataset) -> None:
        """Handle the start of training: the reviews are read, split and encoded."""

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Handle that training resumes after these epochs and `steps` steps of the next one."""

    def batch_ended(self, progress: Progress) -> None:
        """Handle the end of a batch."""

    def epoch_ended(self, record: EpochRecord) -> None:
        """Handle the end of an epoch, which is trained and evaluated."""

    def completed(self, result: Result) -> None:
        """Handle the completion of the run, whose result is on disk."""

    def stopped(self, status: str, reason: str) -> None:
        """Handle the early end of the run; `status` is "failed" or "killed"."""


class CallbackList(Callback):
    """Passes each event to several callbacks, in order."""

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self._callbacks = tuple(callbacks)

    def started(self) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.started()

    def data_ready(self, dataset: Dataset) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.data_ready(dataset)

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.resumed(epochs, steps)

    def batch_ended(self, progress: Progress) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.batch_ended(progress)

    def epoch_ended(self, record: EpochRecord) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.epoch_ended(record)

    def completed(self, result: Result) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.completed(result)

    def stopped(self, status: str, reason: str) -> None:
        """Pass the event on."""
        for callback in self._callbacks:
            callback.stopped(status, reason)
