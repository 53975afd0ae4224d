"""The training loop: epoch by epoch, batch by batch, with checkpoints from which it resumes."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import Config
from sentiment_lab.data.batching import Batch, Batches, training_batches
from sentiment_lab.training.callbacks import Progress
from sentiment_lab.training.checkpoint import Checkpoint
from sentiment_lab.training.history import EpochTotals, TrainingHistory
from sentiment_lab.training.result import EpochRecord
from sentiment_lab.training.scores import SCORES

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset, Part
    from sentiment_lab.data.token_sequences import TokenSequences
    from sentiment_lab.training.callbacks import Callback
    from sentiment_lab.training.trainer import Trainer


class TrainingError(LabError):
    """Training that cannot continue; the text names the step and the likely cause."""

    exit_code = 1


class Checkpoints(Protocol):
    """Storage of the state from which a training resumes."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint."""

    def load(self) -> Checkpoint | None:
        """Return the last intact one."""


class TrainingLoop:
    """The training of one network."""

    def __init__(
        self, config: Config, dataset: Dataset, trainer: Trainer, callback: Callback, checkpoints: Checkpoints | None
    ) -> None:
        self._config, self._dataset, self._trainer = config, dataset, trainer
        self._callback, self._checkpoints = callback, checkpoints
        self._history, self._totals = TrainingHistory(config.training), EpochTotals()
        self._labels = dataset.train.labels.astype(np.float32)

    def run(self) -> TrainingHistory:
        """Train the remaining epochs, from the last checkpoint where there is one.

        Raises TrainingError when the loss is not finite.
        """
        self._restore()
        while not self._history.is_finished:
            record = self._train_epoch(len(self._history.epochs) + 1)
            self._history.add(record, self._trainer.weights)
            self._totals = EpochTotals()
            # Saved before callbacks see the epoch: an epoch that was reported is never trained again.
            self._save()
            self._callback.epoch_ended(record)
        return self._history

    def _restore(self) -> None:
        checkpoint = self._checkpoints.load() if self._checkpoints else None
        if checkpoint:
            self._trainer.restore_state(checkpoint.arrays)
            best = checkpoint.arrays.get("best")
            self._history = TrainingHistory(self._config.training, checkpoint.epochs, checkpoint.best_epoch, best)
            self._totals = checkpoint.totals
            self._callback.resumed(checkpoint.epochs, checkpoint.totals.steps)

    def _save(self) -> None:
        if self._checkpoints:
            history, arrays = self._history, {**self._trainer.state(), "best": self._history.best_weights or []}
            self._checkpoints.save(Checkpoint(history.epochs, history.best_epoch, self._totals, arrays))
        self._saved = time.monotonic()

    def _train_epoch(self, epoch: int) -> EpochRecord:
        batches = epoch_batches(self._config, self._dataset.train.sequences, epoch)
        started = time.perf_counter() - self._totals.seconds
        self._saved = time.monotonic()
        for step in range(self._totals.steps, len(batches)):
            check()
            self._train_batch(batches[step], f"epoch {epoch}, step {step + 1} of {len(batches)}")
            self._totals = replace(self._totals, seconds=time.perf_counter() - started)
            self._callback.batch_ended(self._progress(epoch, len(batches)))
            if self._is_checkpoint_due():
                self._save()
        totals = self._totals
        return EpochRecord(
            epoch=epoch,
            train_loss=totals.mean_loss,
            train_accuracy=totals.accuracy,
            learning_rate=self._trainer.learning_rate,
            epoch_seconds=totals.seconds,
            tokens_per_second=totals.tokens_per_second,
            **_validate(self._trainer, self._dataset.validation),
        )

    def _train_batch(self, batch: Batch, place: str) -> None:
        loss, correct = self._trainer.train_step(batch.token_ids, self._labels[batch.indices])
        if not math.isfinite(loss):
            raise TrainingError(_not_finite(self._config, loss, place))
        reviews, tokens = len(batch.indices), int(batch.lengths.sum())
        self._totals = self._totals.plus(loss=loss, correct=correct, reviews=reviews, tokens=tokens)

    def _progress(self, epoch: int, steps: int) -> Progress:
        totals, epochs = self._totals, self._config.training.epochs
        return Progress(epoch, epochs, totals.steps, steps, totals.mean_loss, totals.accuracy, totals.tokens_per_second)

    def _is_checkpoint_due(self) -> bool:
        minutes = self._config.launch.checkpoint_minutes
        return minutes is not None and time.monotonic() - self._saved >= 60 * minutes


def epoch_batches(config: Config, train: TokenSequences, epoch: int) -> Batches:
    """Return the batches of one epoch, which follow from the config's seed."""
    training, pad_left_to = config.training, config.text.pad_left_to
    if pad_left_to is not None and training.crop_length is not None:
        pad_left_to = min(pad_left_to, training.crop_length)
    return training_batches(
        train,
        training.batch_size,
        training.batching,
        config.seed,
        epoch,
        crop_length=training.crop_length,
        pad_left_to=pad_left_to,
    )


def _validate(trainer: Trainer, part: Part | None) -> dict[str, float | None]:
    if part is None:
        return {"validation_loss": None, "validation_accuracy": None}
    logits = trainer.predict_logits(part.sequences)
    return {f"validation_{name}": SCORES[name].from_logits(part.labels, logits) for name in ("loss", "accuracy")}


def _not_finite(config: Config, loss: float, place: str) -> str:
    rate = config.optimizer.learning_rate
    cause = f"a learning rate that is too high: lower optimizer.learning_rate (now {rate:g})"
    if config.optimizer.global_clipnorm is None:
        cause += ", or exploding gradients: set optimizer.global_clipnorm=1 (now null)"
    return f"the loss became {loss} at {place}; the likely cause is {cause}"
