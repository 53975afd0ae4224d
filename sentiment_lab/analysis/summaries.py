"""A variant's numbers: mean, spread and interval of each metric over its runs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sentiment_lab.analysis.metrics import METRICS, Metric
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.statistics import bootstrap_mean, t_mean, wilson_interval
from sentiment_lab.analysis.variants import Variant

ACCURACY = "test_accuracy"


@dataclass(frozen=True)
class MetricSummary:
    """One metric of a variant over its runs."""

    mean: float
    spread: float | None
    """Sample standard deviation over runs; None with one run."""
    low: float | None
    high: float | None
    """95 % interval of the mean; None where it can't be known."""


@dataclass(frozen=True)
class VariantSummary:
    """A variant with its numbers."""

    variant: Variant
    metrics: Mapping[str, MetricSummary]
    """By metric; one that no run has is missing."""
    execution_path: str
    letters: str = ""
    """Variants that share a letter are not told apart; empty where nothing was tested."""

    @property
    def label(self) -> str:
        """What the variant is called."""
        return self.variant.label


def summarise_variant(variant: Variant, answers: Mapping[str, TestPredictions]) -> VariantSummary:
    """Summarise the complete runs of a variant; `answers` are the test predictions by short hash."""
    results = [run.outcome for run in variant.runs.values()]
    metrics = {}
    for metric in METRICS.values():
        values = [value for result in results if (value := metric.value(result)) is not None]
        if values:
            metrics[metric.name] = _summary(values, metric.largest)
    tested = [answers[run.short_hash] for run in variant.runs.values() if run.short_hash in answers]
    if len(tested) == len(results) and all(one.same_test(tested[0]) for one in tested):
        metrics[ACCURACY] = replace(metrics[ACCURACY], **_accuracy_interval(tested))
    paths = dict.fromkeys(result.execution_path for result in results)
    return VariantSummary(variant, metrics, " + ".join(paths))


def _summary(values: Sequence[float], largest: float) -> MetricSummary:
    if len(values) < 2:
        return MetricSummary(values[0], None, None, None)
    estimate = t_mean(values)
    low, high = max(0.0, estimate.low), min(largest, estimate.high)
    return MetricSummary(estimate.value, statistics.stdev(values), low, high)


def _accuracy_interval(tested: Sequence[TestPredictions]) -> dict[str, float]:
    """Return the ends of the interval over runs and reviews; over reviews alone, where there is one run."""
    right = np.stack([answers.right for answers in tested])
    if len(right) == 1:
        low, high = wilson_interval(int(right.sum()), right.size)
    else:
        estimate = bootstrap_mean(right.astype(np.int8))
        low, high = estimate.low, estimate.high
    return {"low": max(0.0, low), "high": min(1.0, high)}


def rank(row: VariantSummary, metric: Metric) -> tuple[bool, float, str]:
    """Return what sorts the best first, and last what has no such number."""
    summary = row.metrics.get(metric.name)
    if summary is None:
        return (True, 0.0, row.label)
    return (False, -summary.mean if metric.higher_is_better else summary.mean, row.label)
