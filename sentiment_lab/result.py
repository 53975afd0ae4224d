"""What a run yields, and its JSON form."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sentiment_lab.schema import build, to_plain

FORMAT = 1
"""Version of the JSON form."""


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch: losses in nats a review, accuracies in [0, 1], the training part's own time."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    epoch_seconds: float
    tokens_per_second: float


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How good the probabilities of one part are; `loss` is the mean binary cross-entropy in nats."""

    accuracy: float
    loss: float
    f1: float
    roc_auc: float
    ece: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of one run, without its predictions and weights."""

    architecture: str
    execution_path: str
    data_hash: str
    split_hash: str
    weights_digest: str
    parameters: int
    epochs: list[EpochRecord]
    best_epoch: int
    """Epoch that was best by `training.monitor`."""
    kept_epoch: int
    """Epoch whose weights were tested and kept."""
    best_validation_accuracy: float | None
    validation_is_test: bool
    test: Scores
    train_seconds: float
    predict_reviews_per_second: float


def result_to_json(result: Result) -> str:
    """Return the result as one JSON document."""
    return json.dumps({"format": FORMAT, **to_plain(result)}, indent=2, allow_nan=False) + "\n"


def result_from_json(text: str) -> Result:
    """Read a result back.

    Raises ValueError for text that is no JSON, has another format number, or lacks a field.
    """
    plain = json.loads(text)
    if not isinstance(plain, dict) or plain.pop("format", None) != FORMAT:
        raise ValueError(f"not a result of format {FORMAT}")
    return build(Result, plain)
