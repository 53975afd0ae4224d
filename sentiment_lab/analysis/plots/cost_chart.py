"""The chart of a metric against a cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from sentiment_lab.analysis.measures import pareto_front
from sentiment_lab.analysis.metrics import Metric, metric_named
from sentiment_lab.analysis.plots.axes import metric_label, metric_scale
from sentiment_lab.analysis.plots.style import (
    BEHIND_TEXT,
    HELD_OUT,
    MUTED,
    PAPER,
    Chart,
    add_axes,
    build_chart,
    build_figure,
    shorten,
)
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.verdict import describe

WIDTH = 360
_NEAR = 8
"""Positions around a point from which a name needs no line to its point."""
_WIDE_RATIO = 30
"""Ratio of the largest to the smallest cost above which the axis is logarithmic."""


def draw_cost(rows: Sequence[VariantSummary], metric: Metric, cost: str, tags: Mapping[str, str]) -> Chart | None:
    """Draw a metric against a cost, with the Pareto front as a line; None if no row has both.

    `tags` are short names of the variants.
    """
    rows = [row for row in rows if metric.name in row.metrics and cost in row.metrics]
    if not rows:
        return None
    costs = [row.metrics[cost].mean for row in rows]
    front = on_front(rows, metric, cost)
    figure = build_figure(WIDTH, 300)
    axes = add_axes(figure, 52, 44, WIDTH - 14, 290)
    for row, x, best in zip(rows, costs, front, strict=True):
        _draw_point(axes, row, metric, x, best=best)
    line = sorted((x, _mean(row, metric)) for row, x, best in zip(rows, costs, front, strict=True) if best)
    axes.plot(*zip(*line, strict=True), color=HELD_OUT, linewidth=1, linestyle=":", zorder=1)
    _scale_cost(axes, costs, metric_named(cost))
    axes.margins(y=0.15)
    if metric.in_percent:
        axes.set_ylim(top=min(axes.get_ylim()[1], 101))
    axes.set_ylabel(metric_label(metric), labelpad=3)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    points = [(x, *_interval(row, metric)) for row, x in zip(rows, costs, strict=True)]
    _name_points(figure, axes, points, [shorten(tags[row.label], 18) for row in rows])
    return build_chart(f"cost-{cost}", _alt(rows, metric, metric_named(cost), front), figure)


def on_front(rows: Sequence[VariantSummary], metric: Metric, cost: str) -> list[bool]:
    """Return which rows are on the Pareto front of a metric and a cost, by their means."""
    sign = 1 if metric.higher_is_better else -1
    values = [sign * row.metrics[metric.name].mean for row in rows]
    return pareto_front([row.metrics[cost].mean for row in rows], values)


def _draw_point(axes: Axes, row: VariantSummary, metric: Metric, x: float, *, best: bool) -> None:
    mean, low, high = _interval(row, metric)
    axes.plot([x, x], [low, high], color=MUTED, linewidth=1, zorder=1)
    face, edge = (HELD_OUT, HELD_OUT) if best else (PAPER, MUTED)
    axes.plot(x, mean, "o", markersize=8, mfc=face, mec=edge, markeredgewidth=1.5, zorder=3)


def _mean(row: VariantSummary, metric: Metric) -> float:
    return metric_scale(metric) * row.metrics[metric.name].mean


def _interval(row: VariantSummary, metric: Metric) -> tuple[float, float, float]:
    """Return mean, lower and upper bound as drawn; an unknown interval has the width 0."""
    summary, mean = row.metrics[metric.name], _mean(row, metric)
    if summary.low is None or summary.high is None:
        return mean, mean, mean
    return mean, metric_scale(metric) * summary.low, metric_scale(metric) * summary.high


def _scale_cost(axes: Axes, costs: Sequence[float], cost: Metric) -> None:
    low, high = min(costs), max(costs)
    if low > 0 and high / low > _WIDE_RATIO:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.8, high * 1.8)
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, 1.15 * high or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _compact(value)))
    axes.set_xlabel({"train_seconds": "training (seconds)"}.get(cost.name, cost.title))


def _compact(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _name_points(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float, float, float]], names: Sequence[str]
) -> None:
    """Write each name near its point, so that it covers no point, interval or other name if there is enough space.

    Points are cost, mean, and the bounds of the interval.
    """
    figure.draw_without_rendering()
    centres = [axes.transData.transform((x, mean)) for x, mean, _, _ in points]
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in centres]
    taken += [Bbox(axes.transData.transform([(x, low), (x, high)])).padded(1) for x, _, low, high in points]
    for (x, y), name in zip(centres, names, strict=True):
        text = axes.text(x, y, name, transform=None, size=9, zorder=4, bbox=BEHIND_TEXT)
        extent = text.get_window_extent()
        boxes = [
            Bbox.from_bounds(x + across, y + up, extent.width, extent.height)
            for across, up in _offsets(extent.width, extent.height)
        ]
        chosen = min(boxes, key=lambda box: _overlap(box, taken) + _outside(box, axes.bbox))
        taken.append(chosen)
        text.set(position=(chosen.x0, chosen.y0), verticalalignment="bottom")
        if boxes.index(chosen) >= _NEAR:
            ends = np.array([(x, y), ((chosen.x0 + chosen.x1) / 2, (chosen.y0 + chosen.y1) / 2)])
            axes.plot(*ends.T, transform=None, color=MUTED, linewidth=0.6, zorder=2)


def _offsets(width: float, height: float) -> list[tuple[float, float]]:
    """Return possible positions of a name's lower left corner relative to its point, nearest first."""
    return [
        (across, up)
        for distance in (8, 20, 34, 50)
        for across in (distance, -distance - width, -width / 2)
        for up in (-height / 2, distance, -distance - height)
        if (across, up) != (-width / 2, -height / 2)
    ]


def _overlap(box: Bbox, taken: Sequence[Bbox]) -> float:
    shared = (Bbox.intersection(box, other) for other in taken)
    return sum(one.width * one.height for one in shared if one)


def _outside(box: Bbox, limits: Bbox) -> float:
    inside = Bbox.intersection(box, limits)
    return 3 * (box.width * box.height - (inside.width * inside.height if inside else 0))


def _alt(rows: Sequence[VariantSummary], metric: Metric, cost: Metric, front: Sequence[bool]) -> str:
    texts = [f"{row.label} {describe(row, metric)} for {cost.show(row.metrics[cost.name].mean)}" for row in rows]
    best = ", ".join(row.label for row, chosen in zip(rows, front, strict=True) if chosen)
    return f"{metric.title} against {cost.title}: {'; '.join(texts)}. On the Pareto front: {best}."
