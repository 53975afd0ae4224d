"""The epochs of a training: their running totals, the best of them, and when to stop."""

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
    """Sums over the batches of an epoch so far; all zero before its first batch."""

    steps: int = 0
    loss: float = 0.0
    """Over reviews, in nats."""
    correct: int = 0
    reviews: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def plus(self, *, loss: float, correct: int, reviews: int, tokens: int) -> EpochTotals:
        """Return the totals after one more batch, whose mean loss is given."""
        return replace(
            self,
            steps=self.steps + 1,
            loss=self.loss + loss * reviews,
            correct=self.correct + correct,
            reviews=self.reviews + reviews,
            tokens=self.tokens + tokens,
        )

    @property
    def mean_loss(self) -> float:
        """In nats a review."""
        return self.loss / self.reviews

    @property
    def accuracy(self) -> float:
        """Share of reviews that were predicted correctly."""
        return self.correct / self.reviews

    @property
    def tokens_per_second(self) -> float:
        """Tokens that were trained on in a second, padding not counted."""
        return self.tokens / self.seconds


@dataclass
class TrainingHistory:
    """The epochs of one training in order, and the weights of the best."""

    training: TrainingConfig
    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: Weights | None = None

    def add(self, record: EpochRecord, weights: Callable[[], Weights]) -> None:
        """Append an epoch; call `weights` for a copy if it is the best so far and `training.selection` is best."""
        self.epochs.append(record)
        if self._is_best(record):
            self.best_epoch = record.epoch
            if self.training.selection == "best":
                self.best_weights = weights()

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are trained or patience has run out (early stopping)."""
        waited = len(self.epochs) - self.best_epoch
        stopped_early = bool(self.epochs) and self.training.patience is not None and waited >= self.training.patience
        return stopped_early or len(self.epochs) >= self.training.epochs

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights are tested and kept."""
        return self.best_epoch if self.training.selection == "best" else len(self.epochs)

    @property
    def best_validation_accuracy(self) -> float | None:
        """Highest validation accuracy over all epochs; None without a validation part."""
        known = [epoch.validation_accuracy for epoch in self.epochs if epoch.validation_accuracy is not None]
        return max(known, default=None)

    def _is_best(self, record: EpochRecord) -> bool:
        if not self.best_epoch or record.validation_loss is None:
            return True
        best = self.epochs[self.best_epoch - 1]
        if self.training.monitor == "validation_loss":
            return record.validation_loss < best.validation_loss  # type: ignore[operator]  # every epoch has one
        return record.validation_accuracy > best.validation_accuracy  # type: ignore[operator]
