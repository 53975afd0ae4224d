"""The tables of a comparison as text: headings and cells of the variants and of their pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.metrics import Metric, all_metrics
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.summaries import MetricSummary, VariantSummary
from sentiment_lab.analysis.variants import short_names
from sentiment_lab.analysis.verdict import show_difference
from sentiment_lab.base.tables import DASH

COST = ("parameters", "epoch_seconds", "tokens_per_second", "train_seconds")
_QUALITY = ("test_accuracy", "best_validation_accuracy")
_NOT_SHOWN = ("test_loss",)
"""Scores of the test part that only JSON, CSV and `--metric` show."""
_WITH_STD = ("test_accuracy", "best_validation_accuracy")
"""Metrics shown with their standard deviation; JSON and CSV contain that of all metrics."""
PAIR_HEADINGS = ("pair", "seeds", "difference (95 % interval)", "p (Holm)", "McNemar p by seed")
MOST_SEEDS = 3
"""Largest number of seeds whose p-values are listed; of more, the smallest and the largest."""
MOST_PAIRS = 15
"""Largest number of pairs shown; of more, those with the best variant."""


def shown_metrics(comparison: Comparison) -> list[Metric]:
    """Return the metrics of the tables: the compared one, quality, cost."""
    metrics = all_metrics()
    scores = (name for name in metrics if name.startswith("test_") and name not in _NOT_SHOWN)
    names = dict.fromkeys([comparison.metric.name, *_QUALITY, *scores, *COST])
    return [metrics[name] for name in names]


def left_columns(comparison: Comparison) -> int:
    """Return how many columns name the variant; they contain text and come first."""
    return len(comparison.columns) or 1


def headings(comparison: Comparison, metrics: Sequence[Metric]) -> list[str]:
    """Return the headings of the columns that `cells` fills."""
    names = short_names(comparison.columns)
    titles = [*([names[column] for column in comparison.columns] or ["variant"]), "runs"]
    for metric in metrics:
        titles += [metric.title, *(("95 % interval", "group") if metric.name == comparison.metric.name else ())]
    return [*titles, "path"] if _has_path(metrics) else titles


def cells(comparison: Comparison, row: VariantSummary, metrics: Sequence[Metric]) -> list[str]:
    """Return a row as text: settings, number of runs, and each metric, the compared one with interval and letters."""
    settings = row.variant.settings
    names = [show_setting(settings[column]) if column in settings else DASH for column in comparison.columns]
    texts = [*(names or [row.label]), str(len(row.variant.runs))]
    for metric in metrics:
        summary, compared = row.metrics.get(metric.name), metric.name == comparison.metric.name
        texts.append(_mean(summary, metric, with_std=compared or metric.name in _WITH_STD))
        if compared:
            texts += [_interval(summary, metric), row.letters]
    return [*texts, row.execution_path] if _has_path(metrics) else texts


def shown_pairs(comparison: Comparison) -> Sequence[Pair]:
    """Return all pairs, or only those with the best variant if there are more than `MOST_PAIRS`."""
    if len(comparison.pairs) <= MOST_PAIRS:
        return comparison.pairs
    best = comparison.best.label
    return [pair for pair in comparison.pairs if best in (pair.first, pair.second)]


def pair_table(comparison: Comparison, pairs: Sequence[Pair]) -> tuple[Sequence[str], list[list[str]]]:
    """Return headings and rows of pairs as text, with McNemar's test if the compared metric is accuracy."""
    rows = [_pair_cells(pair, comparison.metric) for pair in pairs]
    if any(pair.mcnemar for pair in pairs):
        return PAIR_HEADINGS, rows
    return PAIR_HEADINGS[:-1], [row[:-1] for row in rows]


def show_setting(value: Any) -> str:
    """Return a setting's value as it is written in a config."""
    return value if isinstance(value, str) else ("null" if value is None else str(value).lower())


def _has_path(metrics: Sequence[Metric]) -> bool:
    """Return whether the execution path is shown: it explains the times."""
    return any(metric.name in COST for metric in metrics)


def _mean(summary: MetricSummary | None, metric: Metric, *, with_std: bool) -> str:
    if summary is None:
        return DASH
    if summary.std is None or not with_std:
        return metric.show(summary.mean)
    return f"{metric.show(summary.mean).removesuffix(' %')} ± {metric.show(summary.std)}"


def _interval(summary: MetricSummary | None, metric: Metric) -> str:
    if summary is None or summary.low is None or summary.high is None:
        return DASH
    return f"{metric.show(summary.low).removesuffix(' %')} to {metric.show(summary.high)}"


def _pair_cells(pair: Pair, metric: Metric) -> list[str]:
    difference, p_value = "not testable", ""
    if pair.difference is not None and pair.p_adjusted is not None:
        difference = show_difference(pair.difference, metric)
        p_value = f"{pair.p_adjusted:.2g}{' *' if pair.significant else ''}"
    return [f"{pair.first} over {pair.second}", str(len(pair.blocks)), difference, p_value, _exact(pair)]


def _exact(pair: Pair) -> str:
    values = list(pair.mcnemar.values())
    if len(values) > MOST_SEEDS:
        return f"{min(values):.2g} to {max(values):.2g}"
    return ", ".join(f"{value:.2g}" for value in values)
