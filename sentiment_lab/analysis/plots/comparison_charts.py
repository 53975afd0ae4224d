"""Charts of the whole study: differences of pairs, and what accuracy costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from sentiment_lab.analysis.measures import pareto_front
from sentiment_lab.analysis.metrics import METRICS, Metric
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.plots.style import (
    HELD_OUT,
    INK,
    MUTED,
    PAPER,
    Chart,
    add_axes,
    build_chart,
    build_figure,
    shorten,
)
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.verdict import describe, show_difference

_NEAR = 8
"""Places around a point from which a name needs no line to it."""
WIDTH, LINE = 360, 34
"""Pixels of a chart's width, and of a pair's height in the forest."""
_CLEAR = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
"""Behind a text, so that no line runs through it."""
_FAR = 30
"""Costs that lie further apart than this are drawn by their logarithm."""


def draw_forest(pairs: Sequence[Pair], metric: Metric, tags: Mapping[str, str]) -> Chart | None:
    """Draw the difference of each pair with its interval; None where none is known. `tags` are short names."""
    known = [(pair, pair.difference) for pair in pairs if pair.difference]
    if not known:
        return None
    scale = 100 if metric.in_percent else 1
    figure = build_figure(WIDTH, 46 + LINE * len(known))
    axes = add_axes(figure, 12, 40, WIDTH - 12, 42 + LINE * len(known))
    for line, (pair, difference) in enumerate(known):
        value, low, high = (scale * number for number in (difference.value, difference.low, difference.high))
        colour = HELD_OUT if pair.significant else MUTED
        axes.plot([low, high], [line, line], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(value, line, "o", color=colour, markersize=6, fillstyle="full" if pair.significant else "none")
        name = f"{tags[pair.first]} over {tags[pair.second]}"
        # In axes coordinates across, so that the names stand in one column above their intervals.
        axes.text(0, line - 0.3, name, transform=axes.get_yaxis_transform(), va="bottom", size=9, bbox=_CLEAR)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_ylim(len(known) - 0.6, -0.95)
    axes.yaxis.set_major_locator(NullLocator())
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"difference of {metric.title}{' (percentage points)' if metric.in_percent else ''}")
    told = [f"{pair.first} over {pair.second} {show_difference(estimate, metric)}" for pair, estimate in known]
    return build_chart("pairs", f"Differences with 95 % interval: {'; '.join(told)}.", figure)


def draw_cost(rows: Sequence[VariantSummary], metric: Metric, cost: str, tags: Mapping[str, str]) -> Chart | None:
    """Draw a metric against a cost, the Pareto front joined; None where no row has both."""
    rows = [row for row in rows if metric.name in row.metrics and cost in row.metrics]
    if not rows:
        return None
    costs = [row.metrics[cost].mean for row in rows]
    front = on_front(rows, metric, cost)
    figure = build_figure(WIDTH, 300)
    axes = add_axes(figure, 52, 44, WIDTH - 14, 290)
    for row, where, best in zip(rows, costs, front, strict=True):
        _draw_point(axes, row, metric, where, best=best)
    line = sorted((where, _height(row, metric)) for row, where, best in zip(rows, costs, front, strict=True) if best)
    axes.plot(*zip(*line, strict=True), color=HELD_OUT, linewidth=1, linestyle=":", zorder=1)
    _scale_cost(axes, costs, METRICS[cost])
    axes.margins(y=0.15)
    if metric.in_percent:
        axes.set_ylim(top=min(axes.get_ylim()[1], 101))
    axes.set_ylabel(f"{metric.title}{' (%)' if metric.in_percent else ''}", labelpad=3)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    _name_points(figure, axes, rows, metric, costs, tags)
    return build_chart(f"cost-{cost}", _cost_alt(rows, metric, METRICS[cost], front), figure)


def on_front(rows: Sequence[VariantSummary], metric: Metric, cost: str) -> list[bool]:
    """Tell which rows are on the Pareto front of a metric and a cost, by their means."""
    sign = 1 if metric.higher_is_better else -1
    values = [sign * row.metrics[metric.name].mean for row in rows]
    return pareto_front([row.metrics[cost].mean for row in rows], values)


def _draw_point(axes: Axes, row: VariantSummary, metric: Metric, where: float, *, best: bool) -> None:
    axes.plot([where, where], _ends(row, metric), color=MUTED, linewidth=1, zorder=1)
    face, edge = (HELD_OUT, HELD_OUT) if best else (PAPER, MUTED)
    height = _height(row, metric)
    axes.plot(where, height, "o", markersize=8, mfc=face, mec=edge, markeredgewidth=1.5, zorder=3)


def _height(row: VariantSummary, metric: Metric) -> float:
    return (100 if metric.in_percent else 1) * row.metrics[metric.name].mean


def _ends(row: VariantSummary, metric: Metric) -> tuple[float, float]:
    """Return the ends of the interval as they are drawn; where it is not known, the point itself."""
    summary, scale = row.metrics[metric.name], 100 if metric.in_percent else 1
    if summary.low is None or summary.high is None:
        return scale * summary.mean, scale * summary.mean
    return scale * summary.low, scale * summary.high


def _scale_cost(axes: Axes, costs: Sequence[float], cost: Metric) -> None:
    low, high = min(costs), max(costs)
    if low > 0 and high / low > _FAR:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.8, high * 1.8)
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, 1.15 * high or 1)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _compact(value)))
    axes.set_xlabel({"train_seconds": "training (seconds)", "parameters": "parameters"}.get(cost.name, cost.title))


def _compact(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _name_points(
    figure: Figure,
    axes: Axes,
    rows: Sequence[VariantSummary],
    metric: Metric,
    costs: Sequence[float],
    tags: Mapping[str, str],
) -> None:
    """Write each name beside its point, where it covers no point, no interval and no other name if there is room."""
    figure.draw_without_rendering()
    centres = [axes.transData.transform((cost, _height(row, metric))) for row, cost in zip(rows, costs, strict=True)]
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in centres]
    taken += [
        Bbox(axes.transData.transform([(cost, low), (cost, high)])).padded(1)
        for cost, (low, high) in ((cost, _ends(row, metric)) for row, cost in zip(rows, costs, strict=True))
    ]
    for (x, y), row in zip(centres, rows, strict=True):
        text = axes.text(x, y, shorten(tags[row.label], 18), transform=None, size=9, zorder=4, bbox=_CLEAR)
        extent = text.get_window_extent()
        boxes = [
            Bbox.from_bounds(x + across, y + up, extent.width, extent.height)
            for across, up in _around(extent.width, extent.height)
        ]
        chosen = min(boxes, key=lambda box: _overlap(box, taken) + _outside(box, axes.bbox))
        taken.append(chosen)
        text.set(position=(chosen.x0, chosen.y0), verticalalignment="bottom")
        if boxes.index(chosen) >= _NEAR:
            ends = np.array([(x, y), ((chosen.x0 + chosen.x1) / 2, (chosen.y0 + chosen.y1) / 2)])
            axes.plot(*ends.T, transform=None, color=MUTED, linewidth=0.6, zorder=2)


def _around(width: float, height: float) -> list[tuple[float, float]]:
    """Return where a name's lower left corner may be as seen from its point, the nearest first."""
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


def _outside(box: Bbox, room: Bbox) -> float:
    inside = Bbox.intersection(box, room)
    return 3 * (box.width * box.height - (inside.width * inside.height if inside else 0))


def _cost_alt(rows: Sequence[VariantSummary], metric: Metric, cost: Metric, front: Sequence[bool]) -> str:
    told = [f"{row.label} {describe(row, metric)} for {cost.show(row.metrics[cost.name].mean)}" for row in rows]
    best = ", ".join(row.label for row, chosen in zip(rows, front, strict=True) if chosen)
    return f"{metric.title} against {cost.title}: {'; '.join(told)}. On the Pareto front: {best}."
