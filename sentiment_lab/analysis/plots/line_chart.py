"""The chart of several lines over a common axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator

from sentiment_lab.analysis.plots.style import INK, LINES, Chart, add_axes, build_chart, build_figure, shorten

WIDTH = 640
_MARKERS = "osD^vP"  # one fewer than colours, so that no two of 42 lines look alike
_WIDE_RATIO, _FEW = 15, 15
"""The axis is logarithmic for at most `_FEW` values whose largest exceeds the smallest by more than the ratio."""
_STEP = 0.008
"""Horizontal distance between the points of two lines at the same value, as a share of the axis."""


@dataclass(frozen=True)
class Point:
    """One point of a line; `low` and `high` are the bounds of its 95 % interval, None if it is unknown."""

    x: float
    value: float
    low: float | None
    high: float | None


def draw_lines(
    name: str, lines: Mapping[str, Sequence[Point]], *, across: str, up: str, percent: bool, spans: Sequence[str] = ()
) -> Chart:
    """Draw a line for each name over a common axis.

    `across` and `up` are the titles of the axes. With `spans`, x values are indices into these texts.
    """
    scale = 100 if percent else 1
    legend = 15 * math.ceil(len(lines) / 3)
    figure = build_figure(WIDTH, 330 + legend)
    axes = add_axes(figure, 56, 48, WIDTH - 14, 318)
    distinct = sorted({point.x for points in lines.values() for point in points})
    logarithmic = not spans and _is_wide(distinct)
    for number, (label, points) in enumerate(lines.items()):
        colour, marker = LINES[number % len(LINES)], f"{_MARKERS[number % len(_MARKERS)]}-"
        shift = _shift(number - (len(lines) - 1) / 2, distinct, logarithmic=logarithmic)
        x, values = zip(*((shift(point.x), scale * point.value) for point in points), strict=True)
        axes.plot(x, values, marker, color=colour, linewidth=1.6, markersize=5, zorder=3, label=shorten(label, 30))
        for point in points:
            if point.low is not None and point.high is not None:
                ends = [scale * point.low, scale * point.high]
                axes.plot([shift(point.x)] * 2, ends, color=colour, linewidth=1, alpha=0.7, zorder=2)
    _scale_x(axes, distinct, spans, logarithmic=logarithmic)
    axes.set_xlabel(across)
    axes.set_ylabel(f"{up} (%)" if percent else up, labelpad=3)
    axes.yaxis.set_major_locator(MaxNLocator(7))
    figure.legend(
        loc="upper left", bbox_to_anchor=(48 / WIDTH, 1), ncols=3, frameon=False, fontsize=9, labelcolor=INK,
        handletextpad=0.3, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
    return build_chart(name, _alt(lines, across, up, scale, spans), figure)


def _is_wide(distinct: Sequence[float]) -> bool:
    """Return whether x values, given sorted, need a logarithmic axis."""
    return distinct[0] > 0 and distinct[-1] / distinct[0] > _WIDE_RATIO and len(distinct) <= _FEW


def _shift(offset: float, distinct: Sequence[float], *, logarithmic: bool) -> Callable[[float], float]:
    """Return how the x values of a line are shifted, so that the intervals of several lines do not overlap."""
    if logarithmic:
        return lambda x: x * (distinct[-1] / distinct[0]) ** (_STEP * offset)
    return lambda x: x + _STEP * offset * (distinct[-1] - distinct[0])


def _scale_x(axes: Axes, distinct: Sequence[float], spans: Sequence[str], *, logarithmic: bool) -> None:
    if spans:
        axes.xaxis.set_major_locator(FixedLocator(range(len(spans))))
        axes.set_xticklabels(spans)
    elif logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(distinct))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(FixedLocator(distinct) if len(distinct) <= _FEW else MaxNLocator(8))


def _alt(lines: Mapping[str, Sequence[Point]], across: str, up: str, scale: int, spans: Sequence[str]) -> str:
    def position(point: Point) -> str:
        return spans[round(point.x)] if spans else f"{point.x:g}"

    texts = [
        f"{label}: "
        + ", ".join(f"{position(point)} {np.round(scale * point.value, 4 - len(str(scale))):g}" for point in points)
        for label, points in lines.items()
    ]
    return f"{up} by {across}. {'; '.join(texts)}."
