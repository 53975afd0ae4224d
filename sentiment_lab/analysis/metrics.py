"""The metrics by which runs are compared, under their names in MLflow.

Those of the test part come from `training.scores.SCORES`: a score that is added there is a metric here, also of runs
that were completed before, from their stored predictions.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.training.result import Result
from sentiment_lab.training.scores import SCORES, ScoreFunction


@dataclass(frozen=True)
class Metric:
    """One number of a run, its heading, and its format."""

    name: str
    title: str
    higher_is_better: bool
    show: Callable[[float], str]
    stored: Callable[[Result], float | None]
    """Returns the number that a result has, None if it lacks it."""
    largest: float = math.inf
    """Upper limit of the values, whose lower limit is 0; intervals are clipped to both."""
    score: Callable[[Any, Any], float] | None = None
    """Computes the number from labels and predicted probabilities, if these suffice."""

    @property
    def in_percent(self) -> bool:
        """Whether differences are shown in percentage points."""
        return self.show is _percent

    def value(self, result: Result, predictions: TestPredictions | None = None) -> float | None:
        """Return the number of a run: the stored one, otherwise the one computed from its predictions, if possible."""
        stored = self.stored(result)
        if stored is None and predictions is not None and self.score is not None:
            return self.score(predictions.labels, predictions.probabilities)
        return stored


def all_metrics() -> dict[str, Metric]:
    """Return the metrics by name, in the order of the tables."""
    scores = [_of_test(score) for score in SCORES.values()]
    first, last = ("test_accuracy",), ("test_loss",)
    metrics = [
        *(metric for metric in scores if metric.name in first),
        Metric(
            "best_validation_accuracy", "best validation", True, _percent, lambda run: run.best_validation_accuracy, 1
        ),
        Metric("validation_loss", "validation loss", False, _four, lambda run: run.kept.validation_loss),
        *(metric for metric in scores if metric.name not in first + last),
        *(metric for metric in scores if metric.name in last),
        Metric("parameters", "parameters", False, _count, lambda run: run.parameters),
        Metric("epoch_seconds", "s/epoch", False, _seconds, _mean_over_epochs("epoch_seconds")),
        Metric("tokens_per_second", "tokens/s", True, _count, _mean_over_epochs("tokens_per_second")),
        Metric("train_seconds", "train s", False, _seconds, lambda run: run.train_seconds),
        Metric("predict_reviews_per_second", "reviews/s", True, _count, lambda run: run.predict_reviews_per_second),
        Metric("best_epoch", "best epoch", False, _seconds, lambda run: run.best_epoch),
    ]
    return {metric.name: metric for metric in metrics}


def metric_named(name: str) -> Metric:
    """Return the metric of that name.

    Raises LabError naming the nearest one and all of them.
    """
    metrics = all_metrics()
    if name not in metrics:
        raise LabError(f"no metric {name!r}{did_you_mean(name, metrics)} (there are {', '.join(metrics)})")
    return metrics[name]


def _of_test(score: ScoreFunction) -> Metric:
    show = _percent if score.percent else _four

    def stored(result: Result) -> float | None:
        return result.test.by_name().get(score.name)

    return Metric(
        f"test_{score.name}", score.title, score.higher_is_better, show, stored, score.largest, score.function
    )


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _four(value: float) -> str:
    return f"{value:.4f}"


def _seconds(value: float) -> str:
    return f"{value:.1f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _mean_over_epochs(field: str) -> Callable[[Result], float]:
    return lambda result: statistics.fmean(getattr(epoch, field) for epoch in result.epochs)
