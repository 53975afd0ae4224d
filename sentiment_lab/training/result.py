"""The result of a run, and its plain form for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from sentiment_lab.config.fields import ConfigError, build, to_plain

FORMAT = 2
"""Version of the plain form."""


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch: losses in nats a review, accuracies in [0, 1], times of training without validation."""

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
    """How good the probabilities of one part are; `loss` is the mean binary cross-entropy in nats.

    `others` holds the further scores of `training.scores.SCORES` by name. A result that was stored before a score
    was added lacks it.
    """

    accuracy: float
    loss: float
    f1: float
    roc_auc: float
    ece: float
    others: Mapping[str, float] | None = None

    @classmethod
    def from_names(cls, scores: Mapping[str, float]) -> Self:
        """Build them from their names and values, the plain form of a stored result."""
        others = {name: value for name, value in scores.items() if name not in _FIELDS}
        return cls(**{name: scores[name] for name in _FIELDS}, others=others or None)

    def by_name(self) -> dict[str, float]:
        """Return all scores by name, the plain form of a stored result."""
        return {**{name: getattr(self, name) for name in _FIELDS}, **(self.others or {})}


_FIELDS = tuple(field.name for field in fields(Scores) if field.name != "others")


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

    @property
    def kept(self) -> EpochRecord:
        """The epoch whose weights were tested and kept."""
        return self.epochs[self.kept_epoch - 1]


def result_to_plain(result: Result) -> dict[str, Any]:
    """Return the result as one JSON document's content."""
    return {"format": FORMAT, **to_plain(result), "test": result.test.by_name()}


def result_from_plain(plain: Mapping[str, Any]) -> Result:
    """Read a result back.

    Raises ValueError for another format number, ConfigError for a field that is missing or of another type.
    """
    if plain.get("format") != FORMAT:
        raise ValueError(f"not a result of format {FORMAT}")
    content = {key: value for key, value in plain.items() if key != "format"}
    others = {}
    if isinstance(content.get("test"), Mapping):
        others = {name: content["test"][name] for name in content["test"] if name not in _FIELDS}
        content["test"] = {name: content["test"][name] for name in _FIELDS if name in content["test"]}
    wrong = [f"test.{name} must be a number, got {value!r}" for name, value in others.items() if not _is_number(value)]
    if wrong:
        raise ConfigError(wrong)
    result = build(Result, content)
    return replace(result, test=replace(result.test, others=others)) if others else result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
