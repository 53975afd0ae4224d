"""The numbers by which runs are compared, under the names that they have in MLflow."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.training.result import Result


@dataclass(frozen=True)
class Metric:
    """One number of a result, its heading, and how it is shown."""

    name: str
    title: str
    higher_is_better: bool
    show: Callable[[float], str]
    value: Callable[[Result], float | None]
    """None where the run has no such number."""
    largest: float = math.inf
    """No value is above it, and none below 0: an interval ends there."""

    @property
    def in_percent(self) -> bool:
        """Whether differences are told in percentage points."""
        return self.show is _percent


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _four(value: float) -> str:
    return f"{value:.4f}"


def _seconds(value: float) -> str:
    return f"{value:.1f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _mean_epoch(field: str) -> Callable[[Result], float]:
    return lambda result: statistics.fmean(getattr(epoch, field) for epoch in result.epochs)


METRICS = {
    metric.name: metric
    for metric in (
        Metric("test_accuracy", "test accuracy", True, _percent, lambda result: result.test.accuracy, 1),
        Metric("best_validation_accuracy", "best validation", True, _percent, lambda r: r.best_validation_accuracy, 1),
        Metric("validation_loss", "validation loss", False, _four, lambda result: result.kept.validation_loss),
        Metric("test_f1", "F1", True, _four, lambda result: result.test.f1, 1),
        Metric("test_roc_auc", "ROC-AUC", True, _four, lambda result: result.test.roc_auc, 1),
        Metric("test_ece", "ECE", False, _four, lambda result: result.test.ece, 1),
        Metric("test_loss", "test loss", False, _four, lambda result: result.test.loss),
        Metric("parameters", "parameters", False, _count, lambda result: result.parameters),
        Metric("epoch_seconds", "s/epoch", False, _seconds, _mean_epoch("epoch_seconds")),
        Metric("tokens_per_second", "tokens/s", True, _count, _mean_epoch("tokens_per_second")),
        Metric("train_seconds", "train s", False, _seconds, lambda result: result.train_seconds),
        Metric("predict_reviews_per_second", "reviews/s", True, _count, lambda r: r.predict_reviews_per_second),
        Metric("best_epoch", "best epoch", False, _seconds, lambda result: result.best_epoch),
    )
}
"""By name, in the order of the tables."""


def metric_named(name: str) -> Metric:
    """Return the metric of that name.

    Raises LabError naming the nearest one and all of them.
    """
    if name not in METRICS:
        raise LabError(f"no metric {name!r}{did_you_mean(name, METRICS)} (there are {', '.join(METRICS)})")
    return METRICS[name]
