"""The course of a training: its batches and epochs so far, which epoch is the best, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import TrainingConfig
from sentiment_lab.training.result import EpochRecord

Weights = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class EpochTotals:
    """What an epoch has added up so far; all zero before its first batch."""

    steps: int = 0
    loss: float = 0.0
    """Sum over reviews, in nats."""
    right: int = 0
    reviews: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def plus(self, *, loss: float, right: int, reviews: int, tokens: int) -> EpochTotals:
        """Return the sums after one more batch, whose mean loss is given."""
        return replace(
            self,
            steps=self.steps + 1,
            loss=self.loss + loss * reviews,
            right=self.right + right,
            reviews=self.reviews + reviews,
            tokens=self.tokens + tokens,
        )


@dataclass
class TrainingHistory:
    """The epochs of one training in order, and the weights of the best."""

    training: TrainingConfig
    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: Weights | None = None

    def add(self, record: EpochRecord, weights: Callable[[], Weights]) -> None:
        """Append an epoch; `weights` is asked for a copy where it is the best so far and the best is kept."""
        self.epochs.append(record)
        if self._better(record):
            self.best_epoch = record.epoch
            if self.training.selection == "best":
                self.best_weights = weights()

    def wants_another_epoch(self) -> bool:
        """Tell whether epochs are left and patience has not run out."""
        waited = len(self.epochs) - self.best_epoch
        impatient = self.training.patience is not None and waited >= self.training.patience
        return len(self.epochs) < self.training.epochs and not (self.epochs and impatient)

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights are tested and kept."""
        return self.best_epoch if self.training.selection == "best" else len(self.epochs)

    @property
    def best_validation_accuracy(self) -> float | None:
        """Highest accuracy on the held-out part over all epochs; None where there is no such part."""
        known = [epoch.validation_accuracy for epoch in self.epochs if epoch.validation_accuracy is not None]
        return max(known, default=None)

    def _better(self, record: EpochRecord) -> bool:
        if not self.best_epoch or record.validation_loss is None:
            return True
        best = self.epochs[self.best_epoch - 1]
        return self._merit(record) > self._merit(best)

    def _merit(self, record: EpochRecord) -> float:
        value = getattr(record, self.training.monitor)
        return float(-value if self.training.monitor == "validation_loss" else value)
