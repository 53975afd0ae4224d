"""The loop of a training: epoch by epoch, batch by batch, with a checkpoint wherever it may be interrupted."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.signals import check
from sentiment_lab.config.settings import Config
from sentiment_lab.data.batching import Batches, evaluation_batches, training_batches
from sentiment_lab.training.callbacks import Progress
from sentiment_lab.training.checkpoint import Checkpoint
from sentiment_lab.training.history import EpochTotals, TrainingHistory
from sentiment_lab.training.metrics import score
from sentiment_lab.training.result import EpochRecord

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset, Part
    from sentiment_lab.training.callbacks import Callback
    from sentiment_lab.training.trainer import Trainer

EVALUATION_BATCH = 256
"""Reviews that are predicted at once."""


class TrainingError(LabError):
    """Training that cannot go on; the text says at which step and the likely cause."""

    exit_code = 1


class Checkpoints(Protocol):
    """Where a training leaves what it needs to go on."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint."""

    def load(self) -> Checkpoint | None:
        """Return the last one that is whole."""


class TrainingLoop:
    """The training of one network: where it stands, and the way on from there."""

    def __init__(
        self, config: Config, dataset: Dataset, learner: Trainer, observer: Callback, checkpoints: Checkpoints | None
    ) -> None:
        self._config, self._dataset, self._learner = config, dataset, learner
        self._observer, self._checkpoints = observer, checkpoints
        self._course, self._sums = TrainingHistory(config.training), EpochTotals()

    def run(self) -> TrainingHistory:
        """Train every epoch that is left, from the last checkpoint where there is one.

        Raises TrainingError when the loss is not finite.
        """
        self._restore()
        while self._course.wants_another_epoch():
            record = self._train_epoch(len(self._course.epochs) + 1)
            self._course.add(record, self._learner.weights)
            self._sums = EpochTotals()
            # Before anyone hears of the epoch: what was told is never trained again.
            self._save()
            self._observer.epoch_ended(record)
        return self._course

    def _restore(self) -> None:
        found = self._checkpoints.load() if self._checkpoints else None
        if found:
            self._learner.restore_state(found.arrays)
            best = found.arrays.get("best")
            self._course = TrainingHistory(self._config.training, found.epochs, found.best_epoch, best)
            self._sums = found.sums
            self._observer.resumed(found.epochs, found.sums.steps)

    def _save(self) -> None:
        if self._checkpoints:
            arrays = {**self._learner.state(), "best": self._course.best_weights or []}
            self._checkpoints.save(Checkpoint(self._course.epochs, self._course.best_epoch, self._sums, arrays))
        self._saved = time.monotonic()

    def _train_epoch(self, epoch: int) -> EpochRecord:
        batches = _batches(self._config, self._dataset.train, epoch)
        started = time.perf_counter() - self._sums.seconds
        self._saved = time.monotonic()
        for step in range(self._sums.steps, len(batches)):
            check()
            self._train_batch(batches, step, epoch)
            self._sums = replace(self._sums, seconds=time.perf_counter() - started)
            self._observer.batch_ended(self._progress(epoch, len(batches)))
            if self._wants_checkpoint():
                self._save()
        sums, learner = self._sums, self._learner
        held_out = _evaluate(self._config, learner, self._dataset.validation)
        return EpochRecord(
            epoch=epoch,
            train_loss=sums.loss / sums.reviews,
            train_accuracy=sums.right / sums.reviews,
            learning_rate=learner.learning_rate,
            epoch_seconds=sums.seconds,
            tokens_per_second=sums.tokens / sums.seconds,
            **held_out,
        )

    def _train_batch(self, batches: Batches, step: int, epoch: int) -> None:
        batch = batches[step]
        loss, right = self._learner.learn(batch.token_ids, batch.labels)
        if not math.isfinite(loss):
            raise TrainingError(_not_finite(self._config, loss, epoch, step + 1, len(batches)))
        reviews, tokens = len(batch.labels), int(batch.lengths.sum())
        self._sums = self._sums.plus(loss=loss, right=right, reviews=reviews, tokens=tokens)

    def _progress(self, epoch: int, steps: int) -> Progress:
        sums = self._sums
        loss, accuracy, speed = sums.loss / sums.reviews, sums.right / sums.reviews, sums.tokens / sums.seconds
        return Progress(epoch, self._config.training.epochs, sums.steps, steps, loss, accuracy, tokens_per_second=speed)

    def _wants_checkpoint(self) -> bool:
        minutes = self._config.launch.checkpoint_minutes
        return minutes is not None and time.monotonic() - self._saved >= 60 * minutes


def steps_per_epoch(config: Config, train: Part) -> int:
    """Return the number of batches of an epoch."""
    return math.ceil(len(train) / config.training.batch_size)


def _batches(config: Config, part: Part, epoch: int) -> Batches:
    training = config.training
    order = (training.batch_size, training.batching, config.seed, epoch)
    crop_length, width = training.crop_length, config.text.pad_left_to
    if width is not None and crop_length is not None:
        width = min(width, crop_length)
    return training_batches(part, *order, crop_length=crop_length, pad_left_to=width)


def predict_logits(config: Config, learner: Trainer, part: Part) -> NDArray[np.float32]:
    """Return the logits (reviews,) of a part, in the part's own order."""
    batches = evaluation_batches(part, EVALUATION_BATCH, pad_left_to=config.text.pad_left_to)
    return learner.logits(batches, len(part))


def _evaluate(config: Config, learner: Trainer, part: Part | None) -> dict[str, float | None]:
    if part is None:
        return {"validation_loss": None, "validation_accuracy": None}
    scores = score(part.labels, predict_logits(config, learner, part))
    return {"validation_loss": scores.loss, "validation_accuracy": scores.accuracy}


def _not_finite(config: Config, loss: float, epoch: int, step: int, steps: int) -> str:
    rate = config.optimizer.learning_rate
    cause = f"a learning rate that is too high: lower optimizer.learning_rate (now {rate:g})"
    if config.optimizer.global_clipnorm is None:
        cause += ", or exploding gradients: set optimizer.global_clipnorm=1 (now null)"
    return f"the loss became {loss} at epoch {epoch}, step {step} of {steps}; the likely cause is {cause}"
