"""What a page shows of a comparison: a figure and the table of its numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_lab.analysis.agreement import build_panels, share_reviews
from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.export import show_setting
from sentiment_lab.analysis.measures import by_length
from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.plots.comparison_charts import draw_cost, draw_forest
from sentiment_lab.analysis.plots.metric_charts import Point, draw_intervals, draw_lines
from sentiment_lab.analysis.plots.style import Chart
from sentiment_lab.analysis.report.sections import tag_rows
from sentiment_lab.analysis.statistics import t_mean
from sentiment_lab.analysis.summaries import VariantSummary, rank
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.tables import DASH


@dataclass(frozen=True)
class Part:
    """The comparison of the runs that have one value of the setting within which a page compares."""

    value: Any
    """Of no meaning where a page compares all runs with each other."""
    comparison: Comparison

    @property
    def told(self) -> str:
        """The value as people write it."""
        return show_setting(self.value)


@dataclass(frozen=True)
class Figure:
    """A figure, and a table with headings where its numbers are in no other; the first column is words."""

    caption: str
    chart: Chart | None
    table: Sequence[Sequence[str]] = ()


def _intervals(parts: Sequence[Part], within: str) -> list[Figure]:
    exhibits = []
    for part in parts:
        metric = _measured(part.comparison)
        ranked = sorted(part.comparison.rows, key=lambda row: rank(row, metric))
        name = f"{metric.name}-{slug(part.told)}" if within else metric.name
        where = f" where {within} is {part.told}" if within else ""
        caption = f"{_title(metric)}{where}: mean over seeds, 95 % interval, and each run."
        exhibits.append(Figure(caption, draw_intervals(name, ranked, metric)))
    return exhibits


def _pairs(parts: Sequence[Part], within: str) -> list[Figure]:
    comparison = _only(parts, within, "pairs")
    best = comparison.best.label
    pairs = [pair for pair in comparison.pairs if best in (pair.first, pair.second)]
    caption = f"Differences to {best} with 95 % interval; filled: told apart at 5 % after correction."
    return [Figure(caption, draw_forest(pairs, comparison.metric, {row.label: row.label for row in comparison.rows}))]


def _cost(parts: Sequence[Part], within: str) -> list[Figure]:
    comparison = _only(parts, within, "cost")
    tags = tag_rows(comparison.rows)
    names = "" if all(tags[row.label] == row.label for row in comparison.rows) else " Numbers are rows of the table."
    drawn = {
        "training time": draw_cost(comparison.rows, comparison.metric, "train_seconds", tags),
        "parameters": draw_cost(comparison.rows, comparison.metric, "parameters", tags),
    }
    title = _title(comparison.metric)
    return [Figure(f"{title} against {cost}.{names}", chart) for cost, chart in drawn.items() if chart]


def _epochs(parts: Sequence[Part], within: str) -> list[Figure]:
    return [_epochs_of(row) for row in _only(parts, within, "epochs").rows]


def _epochs_of(row: VariantSummary) -> Figure:
    runs = [run.outcome for run in row.variant.runs.values()]
    fields = {"held out": "validation_accuracy", "training": "train_accuracy"}
    values = {name: [[getattr(epoch, field) for epoch in run.epochs] for run in runs] for name, field in fields.items()}
    lengths = {len(course) for courses in values.values() for course in courses}
    if len(lengths) != 1 or any(value is None for courses in values.values() for run in courses for value in run):
        raise LabError(f"--figure epochs: the runs of {row.label} have not the same epochs, or nothing was held out")
    epochs = range(lengths.pop())
    lines = {
        name: [_point(epoch + 1, [course[epoch] for course in courses]) for epoch in epochs]
        for name, courses in values.items()
    }
    chart = draw_lines(f"epochs-{slug(row.label)}", lines, across="epoch", up="accuracy", percent=True)
    table = [["epoch", *fields, "last epoch minus this one, held out (95 % interval)"]]
    for epoch in epochs:
        changes = [course[-1] - course[epoch] for course in values["held out"]]
        shares = [_spread([course[epoch] for course in courses]) for courses in values.values()]
        table.append([str(epoch + 1), *shares, DASH if epoch == epochs[-1] else _change(changes)])
    caption = f"{row.label}: accuracy by epoch, mean over seeds; 95 % intervals drawn, standard deviations below."
    return Figure(caption, chart, table)


def _lengths(parts: Sequence[Part], within: str) -> list[Figure]:
    comparison = _only(parts, within, "lengths")
    panels = build_panels(comparison.rows, comparison.answers)
    if not panels or not share_reviews(panels):
        raise LabError("--figure lengths: the variants have no predictions on the same reviews")
    bins = {panel.label: by_length(panel.tested) for panel in panels}
    first = next(iter(bins.values()))
    if any([one[:3] for one in found] != [one[:3] for one in first] for found in bins.values()):
        raise LabError("--figure lengths: the variants read the same reviews at other lengths (text.max_length)")
    spans = [f"{one.shortest} to {one.longest}" if one.shortest < one.longest else str(one.shortest) for one in first]
    lines = {
        label: [Point(place, one.accuracy, one.low, one.high) for place, one in enumerate(found)]
        for label, found in bins.items()
    }
    chart = draw_lines(
        "lengths", lines, across="tokens that the model read", up="test accuracy", percent=True, spans=spans
    )
    table = [["variant", *(f"{span} tokens (n={one.reviews:,})" for span, one in zip(spans, first, strict=True))]]
    table += [[label, *(_share(one.accuracy, one.low, one.high) for one in found)] for label, found in bins.items()]
    return [Figure("Test accuracy by length of the review, about equally many reviews each.", chart, table)]


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
"""What `--figure` takes."""


def _measured(comparison: Comparison) -> Metric:
    if not any(comparison.metric.name in row.metrics for row in comparison.rows):
        raise LabError(f"no run has a {comparison.metric.title} that could be drawn")
    return comparison.metric


def _title(metric: Metric) -> str:
    """Return how a sentence begins with a metric; a unit, such as s/epoch, keeps its case."""
    return metric.title if "/" in metric.title else metric.title[0].upper() + metric.title[1:]


def _only(parts: Sequence[Part], within: str, figure: str) -> Comparison:
    if len(parts) > 1:
        raise LabError(f"--figure {figure} cannot be drawn --within {within}; intervals and within can")
    return parts[0].comparison


def _point(where: float, values: Sequence[float]) -> Point:
    if len(values) < 2:
        return Point(where, values[0], None, None)
    estimate = t_mean(values)
    return Point(where, estimate.value, max(0.0, estimate.low), min(1.0, estimate.high))


def _spread(values: Sequence[float]) -> str:
    mean = f"{100 * statistics.fmean(values):.2f}"
    return f"{mean} ± {100 * statistics.stdev(values):.2f} %" if len(values) > 1 else f"{mean} %"


def _change(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{100 * values[0]:+.2f} points"
    estimate = t_mean(values)
    return f"{100 * estimate.value:+.2f} points ({100 * estimate.low:+.2f} to {100 * estimate.high:+.2f})"


def _share(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def slug(text: str) -> str:
    """Return a text as part of a file's name."""
    return "".join(character if character.isalnum() else "-" for character in text).strip("-").lower()
