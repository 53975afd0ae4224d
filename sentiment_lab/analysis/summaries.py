"""Summarise each metric of a variant over its runs: mean, standard deviation, 95 % interval."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sentiment_lab.analysis.metrics import Metric, all_metrics
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.statistics import share_correct, t_mean
from sentiment_lab.analysis.variants import Variant

ACCURACY = "test_accuracy"


@dataclass(frozen=True)
class MetricSummary:
    """One metric of a variant over its runs."""

    mean: float
    std: float | None
    """Sample standard deviation over runs; None for a single run."""
    low: float | None
    high: float | None
    """Bounds of the 95 % interval of the mean; None if it is unknown."""
    values: Mapping[str, float]
    """The value of each run that has one, by block."""

    @property
    def numbers(self) -> dict[str, float | None]:
        """Mean, standard deviation and interval by name, as they are exported."""
        return {"mean": self.mean, "std": self.std, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class VariantSummary:
    """A variant with its metrics."""

    variant: Variant
    metrics: Mapping[str, MetricSummary]
    """By name of the metric; one that no run has is missing."""
    execution_path: str
    letters: str = ""
    """Variants that share a letter do not differ significantly; empty if the variant was not tested."""

    @property
    def label(self) -> str:
        """The name of the variant."""
        return self.variant.label


def summarise_variant(variant: Variant, predictions: Mapping[str, TestPredictions]) -> VariantSummary:
    """Summarise the complete runs of a variant; `predictions` are those on the test part, by short hash."""
    results = [run.outcome for run in variant.runs.values()]
    metrics = {}
    for metric in all_metrics().values():
        values = _values(variant, metric, predictions)
        if values:
            metrics[metric.name] = _summary(values, metric.largest)
    tested = [predictions[run.short_hash] for run in variant.runs.values() if run.short_hash in predictions]
    if len(tested) == len(results) and all(one.same_test(tested[0]) for one in tested):
        _, low, high = share_correct(np.stack([one.correct for one in tested]))
        metrics[ACCURACY] = replace(metrics[ACCURACY], low=low, high=high)
    paths = dict.fromkeys(result.execution_path for result in results)
    return VariantSummary(variant, metrics, " + ".join(paths))


def rank(row: VariantSummary, metric: Metric) -> tuple[bool, float, str]:
    """Return a sort key that puts the best variant first, and variants without the metric last."""
    summary = row.metrics.get(metric.name)
    if summary is None:
        return (True, 0.0, row.label)
    return (False, -summary.mean if metric.higher_is_better else summary.mean, row.label)


def _values(variant: Variant, metric: Metric, predictions: Mapping[str, TestPredictions]) -> dict[str, float]:
    values = {block: metric.value(run.outcome, predictions.get(run.short_hash)) for block, run in variant.runs.items()}
    return {block: value for block, value in values.items() if value is not None}


def _summary(values: Mapping[str, float], largest: float) -> MetricSummary:
    numbers = list(values.values())
    if len(numbers) < 2:
        return MetricSummary(numbers[0], None, None, None, values)
    estimate = t_mean(numbers)
    low, high = max(0.0, estimate.low), min(largest, estimate.high)
    return MetricSummary(estimate.value, statistics.stdev(numbers), low, high, values)
