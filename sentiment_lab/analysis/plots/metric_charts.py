"""Charts of several variants in one frame: means with their intervals, and lines that are told apart by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.plots.style import (
    HELD_OUT,
    INK,
    LINES,
    MUTED,
    Chart,
    add_axes,
    build_chart,
    build_figure,
    shorten,
)
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.verdict import describe

WIDTH, LINE = 640, 24
_NAME = 6.2
"""Pixels of a character of a name."""
_LONGEST = 44
_MARKERS = "osD^vP"  # one less than colours, so that no two of 42 lines are alike
_FAR, _FEW = 15, 15
"""Few places that lie so far apart are drawn by their logarithm."""
_STEP = 0.008
"""Share of the axis between the points of two lines at one place."""


@dataclass(frozen=True)
class Point:
    """One place of a line; `low` and `high` are the ends of its 95 % interval, None where they are not known."""

    where: float
    value: float
    low: float | None
    high: float | None


def draw_intervals(name: str, rows: Sequence[VariantSummary], metric: Metric) -> Chart:
    """Draw each variant's mean with its 95 % interval, a line each, and a small mark for each run."""
    known = [row for row in rows if metric.name in row.metrics]
    left = 16 + round(_NAME * min(_LONGEST, max(len(row.label) for row in known)))
    figure = build_figure(WIDTH, 56 + LINE * len(known))
    axes = add_axes(figure, left, 44, WIDTH - 14, 48 + LINE * len(known))
    scale = _scale(metric)
    for line, row in enumerate(known):
        summary = row.metrics[metric.name]
        values = [value for run in row.variant.runs.values() if (value := metric.value(run.outcome)) is not None]
        axes.plot([scale * value for value in values], [line] * len(values), "|", color=MUTED, markersize=9)
        if summary.low is not None and summary.high is not None:
            ends = [scale * summary.low, scale * summary.high]
            axes.plot(ends, [line, line], color=HELD_OUT, linewidth=2, solid_capstyle="butt")
        axes.plot(scale * summary.mean, line, "o", color=HELD_OUT, markersize=6)
    axes.set_ylim(len(known) - 0.5, -0.5)
    axes.yaxis.set_major_locator(FixedLocator(range(len(known))))
    axes.set_yticklabels([shorten(row.label, _LONGEST) for row in known], color=INK, size=10)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.set_xlabel(_title(metric))
    told = "; ".join(f"{row.label} {describe(row, metric)}" for row in known)
    return build_chart(name, f"{metric.title}, mean and 95 % interval: {told}.", figure)


def draw_lines(
    name: str, lines: Mapping[str, Sequence[Point]], *, across: str, up: str, percent: bool, spans: Sequence[str] = ()
) -> Chart:
    """Draw a line for each name over a common axis.

    `across` and `up` are the axes' titles; `spans` are texts for the places 0, 1, 2, where these are no numbers.
    """
    scale = 100 if percent else 1
    legend = 15 * math.ceil(len(lines) / 3)
    figure = build_figure(WIDTH, 330 + legend)
    axes = add_axes(figure, 56, 48, WIDTH - 14, 318)
    for number, (label, points) in enumerate(lines.items()):
        colour, marker = LINES[number % len(LINES)], f"{_MARKERS[number % len(_MARKERS)]}-"
        aside = _aside(number, len(lines), places=_places(lines), named=bool(spans))
        places, values = zip(*((aside(point.where), scale * point.value) for point in points), strict=True)
        axes.plot(places, values, marker, color=colour, linewidth=1.6, markersize=5, zorder=3, label=shorten(label, 30))
        for point in points:
            if point.low is not None and point.high is not None:
                ends = [scale * point.low, scale * point.high]
                axes.plot([aside(point.where)] * 2, ends, color=colour, linewidth=1, alpha=0.7, zorder=2)
    _scale_across(axes, _places(lines), spans)
    axes.set_xlabel(across)
    axes.set_ylabel(f"{up} (%)" if percent else up, labelpad=3)
    axes.yaxis.set_major_locator(MaxNLocator(7))
    figure.legend(
        loc="upper left", bbox_to_anchor=(48 / WIDTH, 1), ncols=3, frameon=False, fontsize=9, labelcolor=INK,
        handletextpad=0.3, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
    return build_chart(name, _alt(lines, across, up, scale, spans), figure)


def _places(lines: Mapping[str, Sequence[Point]]) -> list[float]:
    return sorted({point.where for points in lines.values() for point in points})


def _is_wide(places: Sequence[float]) -> bool:
    """Tell whether places are drawn by their logarithm."""
    return places[0] > 0 and places[-1] / places[0] > _FAR and len(places) <= _FEW


def _aside(number: int, of: int, *, places: Sequence[float], named: bool) -> Callable[[float], float]:
    """Return how a line's points are moved, so that the intervals of lines stand side by side."""
    step = _STEP * (number - (of - 1) / 2)
    if not named and _is_wide(places):
        return lambda where: where * (places[-1] / places[0]) ** step
    return lambda where: where + step * (places[-1] - places[0])


def _scale_across(axes: Axes, distinct: Sequence[float], spans: Sequence[str]) -> None:
    if spans:
        axes.xaxis.set_major_locator(FixedLocator(range(len(spans))))
        axes.set_xticklabels(spans)
    elif _is_wide(distinct):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(distinct))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(FixedLocator(distinct) if len(distinct) <= _FEW else MaxNLocator(8))


def _alt(lines: Mapping[str, Sequence[Point]], across: str, up: str, scale: int, spans: Sequence[str]) -> str:
    def where(point: Point) -> str:
        return spans[round(point.where)] if spans else f"{point.where:g}"

    told = [
        f"{label}: "
        + ", ".join(f"{where(point)} {np.round(scale * point.value, 4 - len(str(scale))):g}" for point in points)
        for label, points in lines.items()
    ]
    return f"{up} by {across}. {'; '.join(told)}."


def _scale(metric: Metric) -> int:
    return 100 if metric.in_percent else 1


def _title(metric: Metric) -> str:
    return f"{metric.title}{' (%)' if metric.in_percent else ''}"
