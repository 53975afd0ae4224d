"""Scales and marks that charts of runs, variants and comparisons share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, MaxNLocator, PercentFormatter

from sentiment_lab.analysis.metrics import Metric


def scale_percent(*axis: Axis) -> None:
    """Label shares in percent."""
    for one in axis:
        one.set_major_formatter(PercentFormatter(1, decimals=0))


def scale_accuracy(axes: Axes, lowest: float) -> None:
    """Scale the y axis from chance, or from the tenth below the lowest accuracy, to 100 %."""
    axes.set_ylim(min(0.5, math.floor(10 * lowest) / 10), 1.02)
    scale_percent(axes.yaxis)


def scale_epochs(axes: Axes, epochs: int, *, few: int, margin: float) -> None:
    """Scale the x axis for epochs from 1, with a tick for each if there are at most `few`."""
    axes.set_xlim(1 - margin, epochs + margin)
    every, some = FixedLocator(range(1, epochs + 1)), MaxNLocator(few // 2, integer=True)
    axes.xaxis.set_major_locator(every if epochs <= few else some)
    axes.set_xlabel("epoch")


def draw_shares(
    axes: Axes, x: Sequence[float], shares: Sequence[float], intervals: Sequence[tuple[float, float]], **style: Any
) -> None:
    """Draw shares joined by a line, each with its interval."""
    half_widths = np.abs(np.array(intervals).T - np.array(shares))
    axes.errorbar(np.array(x), np.array(shares), yerr=half_widths, marker="o", linewidth=1.5, **style)


def metric_scale(metric: Metric) -> int:
    """Return the factor from a metric's values to the numbers on its axis."""
    return 100 if metric.in_percent else 1


def metric_label(metric: Metric) -> str:
    """Return the label of a metric's axis."""
    return f"{metric.title} (%)" if metric.in_percent else metric.title
