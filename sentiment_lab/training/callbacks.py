"""What a run tells while it lives. The journal, the progress bar and MLflow listen; training knows none of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment_lab.training.result import EpochRecord, Result

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset


@dataclass(frozen=True)
class Progress:
    """Where training stands after a batch; loss and accuracy are means over the epoch so far."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    tokens_per_second: float


class Callback:
    """Listens to one run; every event does nothing unless a subclass says otherwise."""

    def started(self) -> None:
        """Hear that the run begins; its data is not read yet."""

    def data_ready(self, dataset: Dataset) -> None:
        """Hear that the reviews are read, split and encoded; training begins."""

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Hear that training goes on after these epochs and so many steps of the next one."""

    def batch_ended(self, progress: Progress) -> None:
        """Hear that one batch was trained on."""

    def epoch_ended(self, record: EpochRecord) -> None:
        """Hear that one epoch was trained and evaluated."""

    def completed(self, result: Result) -> None:
        """Hear that the run is whole, its result on disk."""

    def stopped(self, status: str, reason: str) -> None:
        """Hear that the run ended early; `status` is "failed" or "killed"."""


class CallbackList(Callback):
    """Passes each event to several observers, in order."""

    def __init__(self, observers: Iterable[Callback]) -> None:
        self._observers = tuple(observers)

    def started(self) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.started()

    def data_ready(self, dataset: Dataset) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.data_ready(dataset)

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.resumed(epochs, steps)

    def batch_ended(self, progress: Progress) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.batch_ended(progress)

    def epoch_ended(self, record: EpochRecord) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.epoch_ended(record)

    def completed(self, result: Result) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.completed(result)

    def stopped(self, status: str, reason: str) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.stopped(status, reason)
