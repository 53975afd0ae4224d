"""The figures of a page: each a caption, a chart, and a table if no other table has its numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_lab.analysis.agreement import group_predictions, share_reviews
from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.measures import by_length
from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.plots.comparison_charts import draw_differences, draw_means
from sentiment_lab.analysis.plots.cost_chart import draw_cost
from sentiment_lab.analysis.plots.line_chart import Point, draw_lines
from sentiment_lab.analysis.plots.style import Chart
from sentiment_lab.analysis.report.sections import tag_rows
from sentiment_lab.analysis.statistics import t_mean
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.table import show_setting
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.tables import DASH
from sentiment_lab.training.result import Result

_EPOCH_FIELDS = {"held out": "validation_accuracy", "training": "train_accuracy"}


@dataclass(frozen=True)
class Part:
    """The comparison of the runs with one value of the setting within which a page compares."""

    value: Any
    """Unused if the page compares all runs with each other."""
    comparison: Comparison

    @property
    def label(self) -> str:
        """The value as it is written in a config."""
        return show_setting(self.value)


@dataclass(frozen=True)
class Figure:
    """A chart with its caption, and a table with headings if its numbers are in no other; the first column is text."""

    caption: str
    chart: Chart | None
    table: Sequence[Sequence[str]] = ()


def _intervals(parts: Sequence[Part], within: str) -> list[Figure]:
    figures = []
    for part in parts:
        metric = _measured(part.comparison)
        name = f"{metric.name}-{slug(part.label)}" if within else metric.name
        where = f" where {within} is {part.label}" if within else ""
        caption = f"{_title(metric)}{where}: mean over seeds, 95 % interval, and each run."
        figures.append(Figure(caption, draw_means(name, part.comparison.ranked, metric)))
    return figures


def _pairs(parts: Sequence[Part], within: str) -> list[Figure]:
    comparison = _only(parts, within, "pairs")
    best = comparison.best.label
    pairs = [pair for pair in comparison.pairs if best in (pair.first, pair.second)]
    caption = f"Differences from {best} with 95 % interval; filled: significant at 5 % (Holm-adjusted)."
    names = {row.label: row.label for row in comparison.rows}
    return [Figure(caption, draw_differences(pairs, comparison.metric, names))]


def _cost(parts: Sequence[Part], within: str) -> list[Figure]:
    comparison = _only(parts, within, "cost")
    tags = tag_rows(comparison.rows)
    named = all(tags[row.label] == row.label for row in comparison.rows)
    charts = {
        "training time": draw_cost(comparison.rows, comparison.metric, "train_seconds", tags),
        "parameters": draw_cost(comparison.rows, comparison.metric, "parameters", tags),
    }
    title, numbers = _title(comparison.metric), "" if named else " Numbers refer to the rows of the table."
    return [Figure(f"{title} against {cost}.{numbers}", chart) for cost, chart in charts.items() if chart]


def _epochs(parts: Sequence[Part], within: str) -> list[Figure]:
    return [_epochs_of(row) for row in _only(parts, within, "epochs").rows]


def _epochs_of(row: VariantSummary) -> Figure:
    values = _epoch_values([run.outcome for run in row.variant.runs.values()])
    if values is None:
        raise LabError(f"--figure epochs: the runs of {row.label} differ in their epochs, or nothing was held out")
    lines = {
        name: [_point(epoch, list(of_runs)) for epoch, of_runs in enumerate(zip(*runs, strict=True), 1)]
        for name, runs in values.items()
    }
    chart = draw_lines(f"epochs-{slug(row.label)}", lines, across="epoch", up="accuracy", percent=True)
    caption = (
        f"{row.label}: accuracy by epoch, mean over seeds; 95 % intervals in the figure, standard deviations in the "
        "table."
    )
    return Figure(caption, chart, _epoch_table(values))


def _epoch_values(results: Sequence[Result]) -> dict[str, list[list[float]]] | None:
    """Return the accuracies by run and epoch; None if the runs differ in their epochs or nothing was held out."""
    values = {
        name: [[getattr(epoch, field) for epoch in result.epochs] for result in results]
        for name, field in _EPOCH_FIELDS.items()
    }
    every = [run for runs in values.values() for run in runs]
    complete = len({len(run) for run in every}) == 1 and all(value is not None for run in every for value in run)
    return values if complete else None


def _epoch_table(values: Mapping[str, Sequence[Sequence[float]]]) -> list[list[str]]:
    table = [["epoch", *values, "last epoch minus this one, held out (95 % interval)"]]
    last = len(values["held out"][0]) - 1
    for epoch in range(last + 1):
        changes = [run[last] - run[epoch] for run in values["held out"]]
        shares = [_mean_and_std([run[epoch] for run in runs]) for runs in values.values()]
        table.append([str(epoch + 1), *shares, DASH if epoch == last else _change(changes)])
    return table


def _lengths(parts: Sequence[Part], within: str) -> list[Figure]:
    comparison = _only(parts, within, "lengths")
    variants = group_predictions(comparison.rows, comparison.predictions)
    if not variants or not share_reviews(variants):
        raise LabError("--figure lengths: the variants have no predictions on the same reviews")
    bins = {variant.label: by_length(variant.reviews.tokens, variant.correct) for variant in variants}
    first = next(iter(bins.values()))
    if any([one[:3] for one in own] != [one[:3] for one in first] for own in bins.values()):
        raise LabError("--figure lengths: the variants read the same reviews at different lengths (text.max_length)")
    spans = [f"{one.shortest} to {one.longest}" if one.shortest < one.longest else str(one.shortest) for one in first]
    lines = {
        label: [Point(index, one.accuracy, one.low, one.high) for index, one in enumerate(own)]
        for label, own in bins.items()
    }
    chart = draw_lines(
        "lengths", lines, across="tokens read by the model", up="test accuracy", percent=True, spans=spans
    )
    table = [["variant", *(f"{span} tokens (n={one.reviews:,})" for span, one in zip(spans, first, strict=True))]]
    table += [[label, *(_share(one.accuracy, one.low, one.high) for one in own)] for label, own in bins.items()]
    return [Figure("Test accuracy by review length, in bins of about equally many reviews.", chart, table)]


def _within(parts: Sequence[Part], within: str) -> list[Figure]:
    """Draw the compared metric against the setting within which variants are compared."""
    numbers = [part.value for part in parts if isinstance(part.value, int | float)]
    if len(numbers) < len(parts) or len(parts) < 2:
        raise LabError("--figure within: needs --within KEY, a setting of which the runs have several numbers")
    metric = _measured(parts[0].comparison)
    lines: dict[str, list[Point]] = {}
    for number, part in sorted(zip(numbers, parts, strict=True), key=lambda pair: pair[0]):
        for row in (row for row in part.comparison.rows if metric.name in row.metrics):
            summary = row.metrics[metric.name]
            lines.setdefault(row.label, []).append(Point(number, summary.mean, summary.low, summary.high))
    name = f"{metric.name}-by-{slug(within)}"
    chart = draw_lines(name, dict(sorted(lines.items())), across=within, up=metric.title, percent=metric.in_percent)
    return [Figure(f"{_title(metric)} by {within}: mean over seeds with 95 % interval.", chart)]


FIGURES: dict[str, Callable[[Sequence[Part], str], list[Figure]]] = {
    "intervals": _intervals,
    "pairs": _pairs,
    "cost": _cost,
    "epochs": _epochs,
    "lengths": _lengths,
    "within": _within,
}
"""The values of `--figure`."""


def slug(text: str) -> str:
    """Return a text as part of a file's name."""
    return "".join(character if character.isalnum() else "-" for character in text).strip("-").lower()


def _measured(comparison: Comparison) -> Metric:
    if not any(comparison.metric.name in row.metrics for row in comparison.rows):
        raise LabError(f"no run has a {comparison.metric.title} to draw")
    return comparison.metric


def _title(metric: Metric) -> str:
    """Return a metric's title for the start of a sentence; a unit, such as s/epoch, keeps its case."""
    return metric.title if "/" in metric.title else metric.title[0].upper() + metric.title[1:]


def _only(parts: Sequence[Part], within: str, figure: str) -> Comparison:
    if len(parts) > 1:
        raise LabError(f"--figure {figure} cannot be drawn --within {within}; intervals and within can")
    return parts[0].comparison


def _point(x: float, values: Sequence[float]) -> Point:
    if len(values) < 2:
        return Point(x, values[0], None, None)
    estimate = t_mean(values)
    return Point(x, estimate.value, max(0.0, estimate.low), min(1.0, estimate.high))


def _mean_and_std(values: Sequence[float]) -> str:
    mean = f"{100 * statistics.fmean(values):.2f}"
    return f"{mean} ± {100 * statistics.stdev(values):.2f} %" if len(values) > 1 else f"{mean} %"


def _change(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{100 * values[0]:+.2f} points"
    estimate = t_mean(values)
    return f"{100 * estimate.value:+.2f} points ({100 * estimate.low:+.2f} to {100 * estimate.high:+.2f})"


def _share(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
