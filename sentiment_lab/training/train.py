"""Train one model on one dataset and evaluate it: `train_and_evaluate`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import Config, LinearModel, RecurrentModel, architecture
from sentiment_lab.models.digest import weights_digest
from sentiment_lab.models.logits import sigmoid
from sentiment_lab.training.epoch_loop import Checkpoints, TrainingLoop
from sentiment_lab.training.result import EpochRecord, Result
from sentiment_lab.training.scores import score

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset, Part
    from sentiment_lab.models.classifier import Classifier
    from sentiment_lab.training.callbacks import Callback


@dataclass(frozen=True)
class Predictions:
    """The predictions of one part, in the part's own order; every array has shape (reviews,)."""

    ids: NDArray[np.str_]
    labels: NDArray[np.int8]
    logits: NDArray[np.float32]
    lengths: NDArray[np.int64]
    """Tokens of each review after truncation."""

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Probability of a positive review."""
        return sigmoid(self.logits)


@dataclass(frozen=True)
class Outcome:
    """The scores, the predictions by part, and the model itself."""

    result: Result
    predictions: Mapping[str, Predictions]
    classifier: Classifier


def train_and_evaluate(
    config: Config, dataset: Dataset, callback: Callback, checkpoints: Checkpoints | None = None
) -> Outcome:
    """Train the configured model and score it on the test part, once, at the end.

    The callback receives each batch and each epoch. Nothing here depends on a folder, a store or a command line. With
    `checkpoints`, the training of a network resumes from the last of them and yields the weights of an uninterrupted
    training, to the bit. A linear baseline, which is fitted in one step, starts again.

    Raises TrainingError when the loss is not finite.
    """
    if isinstance(config.model, LinearModel):
        return _train_linear(config, config.model, dataset, callback)
    return _train_recurrent(config, config.model, dataset, callback, checkpoints)


def _train_recurrent(
    config: Config, model: RecurrentModel, dataset: Dataset, callback: Callback, checkpoints: Checkpoints | None
) -> Outcome:
    from sentiment_lab.models.classifier import RecurrentClassifier
    from sentiment_lab.models.recurrent import execution_path
    from sentiment_lab.training.trainer import Trainer, prepare_process

    prepare_process(config.launch.threads, deterministic=config.training.deterministic)
    steps = config.training.epochs * math.ceil(len(dataset.train) / config.training.batch_size)
    trainer = Trainer(config, model, dataset.vocabulary.size, steps, dataset.initial_vectors)
    history = TrainingLoop(config, dataset, trainer, callback, checkpoints).run()
    trainer.set_weights(history.best_weights or trainer.weights())
    predictions, speed = _predict_parts(config, dataset, lambda part: trainer.predict_logits(part.sequences))
    result = Result(
        **_shared_fields(config, dataset, predictions, speed),
        execution_path=execution_path(model),
        weights_digest=weights_digest(trainer.weights()),
        parameters=trainer.network.count_params(),
        epochs=history.epochs,
        best_epoch=history.best_epoch,
        kept_epoch=history.kept_epoch,
        best_validation_accuracy=history.best_validation_accuracy,
        train_seconds=sum(epoch.epoch_seconds for epoch in history.epochs),
    )
    return Outcome(result, predictions, RecurrentClassifier(trainer.network, dataset.vocabulary, model, config.text))


def _train_linear(config: Config, model: LinearModel, dataset: Dataset, callback: Callback) -> Outcome:
    from sentiment_lab.models.linear import fit_linear

    started = time.perf_counter()
    lowercase = config.text.lowercase
    classifier = fit_linear(model, dataset.texts("train"), dataset.train.labels, config.seed, lowercase=lowercase)
    seconds = time.perf_counter() - started

    def predict(part: Part) -> NDArray[np.float32]:
        return classifier.predict_logits(dataset.texts(part.name))

    epoch = _linear_epoch(dataset, predict, seconds)
    callback.epoch_ended(epoch)
    predictions, speed = _predict_parts(config, dataset, predict)
    result = Result(
        **_shared_fields(config, dataset, predictions, speed),
        execution_path="cpu:scikit-learn",
        weights_digest=weights_digest(classifier.weights()),
        parameters=classifier.parameters,
        epochs=[epoch],
        best_epoch=1,
        kept_epoch=1,
        best_validation_accuracy=epoch.validation_accuracy,
        train_seconds=seconds,
    )
    return Outcome(result, predictions, classifier)


def _linear_epoch(dataset: Dataset, predict: Callable[[Part], NDArray[np.float32]], seconds: float) -> EpochRecord:
    train = score(dataset.train.labels, predict(dataset.train))
    validation = dataset.validation and score(dataset.validation.labels, predict(dataset.validation))
    return EpochRecord(
        epoch=1,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        validation_loss=validation.loss if validation else None,
        validation_accuracy=validation.accuracy if validation else None,
        learning_rate=0.0,
        epoch_seconds=seconds,
        tokens_per_second=dataset.train.sequences.token_count / seconds,
    )


def _predict_parts(
    config: Config, dataset: Dataset, predict: Callable[[Part], NDArray[np.float32]]
) -> tuple[dict[str, Predictions], float]:
    """Return the predictions by part, and the reviews a second of the test part."""
    predictions, speed = {}, 0.0
    for part in (None if config.split.validation_is_test else dataset.validation, dataset.test):
        if part is not None:
            started = time.perf_counter()
            predictions[part.name] = Predictions(part.ids, part.labels, predict(part), part.sequences.lengths)
            speed = len(part) / (time.perf_counter() - started)
    return predictions, speed


def _shared_fields(
    config: Config, dataset: Dataset, predictions: Mapping[str, Predictions], speed: float
) -> dict[str, Any]:
    """Return the fields of the result that models of every family have."""
    test = predictions["test"]
    return {
        "architecture": architecture(config.model),
        "data_hash": dataset.data_hash,
        "split_hash": dataset.split_hash,
        "validation_is_test": config.split.validation_is_test,
        "test": score(test.labels, test.logits),
        "predict_reviews_per_second": speed,
    }
