"""Train one model on one dataset and measure it: `train_and_evaluate`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import Config, LinearModel, RecurrentModel, architecture
from sentiment_lab.models.digest import weights_digest
from sentiment_lab.models.logits import sigmoid
from sentiment_lab.training.epoch_loop import Checkpoints, TrainingLoop, predict_logits, steps_per_epoch
from sentiment_lab.training.metrics import score
from sentiment_lab.training.result import EpochRecord, Result

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset, Part
    from sentiment_lab.models.classifier import Classifier
    from sentiment_lab.training.callbacks import Callback


@dataclass(frozen=True)
class Predictions:
    """What the trained model says of one part, in the part's own order; every array has shape (reviews,)."""

    ids: NDArray[np.str_]
    labels: NDArray[np.int8]
    logits: NDArray[np.float32]
    lengths: NDArray[np.int64]
    """Tokens of each review that the model read."""

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Probability of a positive review."""
        return sigmoid(self.logits)


@dataclass(frozen=True)
class Outcome:
    """What `train_and_evaluate` yields: the numbers, the predictions by part, and the model itself."""

    result: Result
    predictions: Mapping[str, Predictions]
    classifier: Classifier


def train_and_evaluate(
    config: Config, dataset: Dataset, observer: Callback, checkpoints: Checkpoints | None = None
) -> Outcome:
    """Train the configured model and score it on the test part, once, at the end.

    The observer hears of each batch and each epoch. Nothing here knows a folder, a store or a command line. With
    `checkpoints`, the training of a network goes on from the last of them and ends as if it had never stopped: the
    same weights to the bit. A linear baseline, which fits in one go, starts again.

    Raises TrainingError when the loss is not finite.
    """
    if isinstance(config.model, LinearModel):
        return _train_linear(config, config.model, dataset, observer)
    return _train_recurrent(config, config.model, dataset, observer, checkpoints)


def _train_recurrent(
    config: Config, model: RecurrentModel, dataset: Dataset, observer: Callback, checkpoints: Checkpoints | None
) -> Outcome:
    from sentiment_lab.models.classifier import RecurrentClassifier
    from sentiment_lab.models.recurrent import execution_path
    from sentiment_lab.training.trainer import Trainer, prepare_process

    prepare_process(config.launch.threads, deterministic=config.training.deterministic)
    steps = config.training.epochs * steps_per_epoch(config, dataset.train)
    learner = Trainer(config, model, dataset.vocabulary.size, steps, dataset.initial_vectors)
    course = TrainingLoop(config, dataset, learner, observer, checkpoints).run()
    learner.keep(course.best_weights or learner.weights())
    predictions, speed = _predict_parts(
        dataset, lambda part: predict_logits(config, learner, part), validation=not config.split.validation_is_test
    )
    result = Result(
        **_shared_facts(config, dataset, predictions, speed),
        execution_path=execution_path(model),
        weights_digest=weights_digest(learner.weights()),
        parameters=learner.network.count_params(),
        epochs=course.epochs,
        best_epoch=course.best_epoch,
        kept_epoch=course.kept_epoch,
        best_validation_accuracy=course.best_validation_accuracy,
        train_seconds=sum(epoch.epoch_seconds for epoch in course.epochs),
    )
    return Outcome(result, predictions, RecurrentClassifier(learner.network, dataset.vocabulary, model, config.text))


def _train_linear(config: Config, model: LinearModel, dataset: Dataset, observer: Callback) -> Outcome:
    from sentiment_lab.models.linear import fit_linear

    started = time.perf_counter()
    lowercase = config.text.lowercase
    classifier = fit_linear(model, dataset.texts("train"), dataset.train.labels, config.seed, lowercase=lowercase)
    seconds = time.perf_counter() - started
    epoch = _linear_epoch(dataset, classifier.predict_logits, seconds)
    observer.epoch_ended(epoch)
    predictions, speed = _predict_parts(
        dataset,
        lambda part: classifier.predict_logits(dataset.texts(part.name)),
        validation=not config.split.validation_is_test,
    )
    result = Result(
        **_shared_facts(config, dataset, predictions, speed),
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


def _linear_epoch(dataset: Dataset, logits: Callable[[list[str]], NDArray[np.float32]], seconds: float) -> EpochRecord:
    train = score(dataset.train.labels, logits(dataset.texts("train")))
    held_out = dataset.validation and score(dataset.validation.labels, logits(dataset.texts(dataset.validation.name)))
    return EpochRecord(
        epoch=1,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        validation_loss=held_out.loss if held_out else None,
        validation_accuracy=held_out.accuracy if held_out else None,
        learning_rate=0.0,
        epoch_seconds=seconds,
        tokens_per_second=int(dataset.train.lengths.sum()) / seconds,
    )


def _predict_parts(
    dataset: Dataset, logits: Callable[[Part], NDArray[np.float32]], *, validation: bool
) -> tuple[dict[str, Predictions], float]:
    """Return the predictions by part, and the reviews a second of the test part."""
    predictions, speed = {}, 0.0
    for part in (dataset.validation if validation else None, dataset.test):
        if part is not None:
            started = time.perf_counter()
            predictions[part.name] = Predictions(part.ids, part.labels, logits(part), part.lengths)
            speed = len(part) / (time.perf_counter() - started)
    return predictions, speed


def _shared_facts(
    config: Config, dataset: Dataset, predictions: Mapping[str, Predictions], speed: float
) -> dict[str, Any]:
    test = predictions["test"]
    return {
        "architecture": architecture(config.model),
        "data_hash": dataset.data_hash,
        "split_hash": dataset.split_hash,
        "validation_is_test": config.split.validation_is_test,
        "test": score(test.labels, test.logits),
        "predict_reviews_per_second": speed,
    }
