"""Charts of all variants: the means of variants, and the differences of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.plots.axes import metric_label, metric_scale
from sentiment_lab.analysis.plots.style import (
    BEHIND_TEXT,
    HELD_OUT,
    INK,
    MUTED,
    Chart,
    add_axes,
    build_chart,
    build_figure,
    shorten,
)
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.verdict import describe, show_difference

_MEANS_WIDTH, _ROW = 640, 24
"""Width of the chart of means, and height of each row, in pixels."""
_CHARACTER, _LONGEST = 6.2, 44
"""Width of a character of a name in pixels, and the most characters of a name."""
_DIFFERENCES_WIDTH, _PAIR = 360, 34
"""Width of the chart of differences, and height of each pair, in pixels."""


def draw_means(name: str, rows: Sequence[VariantSummary], metric: Metric) -> Chart:
    """Draw the mean of each variant with its 95 % interval, and a small mark for each run."""
    rows = [row for row in rows if metric.name in row.metrics]
    left = 16 + round(_CHARACTER * min(_LONGEST, max(len(row.label) for row in rows)))
    figure = build_figure(_MEANS_WIDTH, 56 + _ROW * len(rows))
    axes = add_axes(figure, left, 44, _MEANS_WIDTH - 14, 48 + _ROW * len(rows))
    scale = metric_scale(metric)
    for line, row in enumerate(rows):
        summary = row.metrics[metric.name]
        values = [scale * value for value in summary.values.values()]
        axes.plot(values, [line] * len(values), "|", color=MUTED, markersize=9)
        if summary.low is not None and summary.high is not None:
            ends = [scale * summary.low, scale * summary.high]
            axes.plot(ends, [line, line], color=HELD_OUT, linewidth=2, solid_capstyle="butt")
        axes.plot(scale * summary.mean, line, "o", color=HELD_OUT, markersize=6)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.yaxis.set_major_locator(FixedLocator(range(len(rows))))
    axes.set_yticklabels([shorten(row.label, _LONGEST) for row in rows], color=INK, size=10)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.set_xlabel(metric_label(metric))
    texts = "; ".join(f"{row.label} {describe(row, metric)}" for row in rows)
    return build_chart(name, f"{metric.title}, mean and 95 % interval: {texts}.", figure)


def draw_differences(pairs: Sequence[Pair], metric: Metric, tags: Mapping[str, str]) -> Chart | None:
    """Draw the difference of each tested pair with its interval; None if no pair was tested. `tags` are short names."""
    tested = [(pair, pair.difference) for pair in pairs if pair.difference]
    if not tested:
        return None
    scale = metric_scale(metric)
    figure = build_figure(_DIFFERENCES_WIDTH, 46 + _PAIR * len(tested))
    axes = add_axes(figure, 12, 40, _DIFFERENCES_WIDTH - 12, 42 + _PAIR * len(tested))
    for line, (pair, difference) in enumerate(tested):
        value, low, high = (scale * number for number in (difference.value, difference.low, difference.high))
        colour = HELD_OUT if pair.significant else MUTED
        axes.plot([low, high], [line, line], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot(value, line, "o", color=colour, markersize=6, fillstyle="full" if pair.significant else "none")
        name = f"{tags[pair.first]} over {tags[pair.second]}"
        # The x position is in axes coordinates, so that the names are aligned above their intervals.
        axes.text(0, line - 0.3, name, transform=axes.get_yaxis_transform(), va="bottom", size=9, bbox=BEHIND_TEXT)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_ylim(len(tested) - 0.6, -0.95)
    axes.yaxis.set_major_locator(NullLocator())
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"difference of {metric.title}{' (percentage points)' if metric.in_percent else ''}")
    texts = [f"{pair.first} over {pair.second} {show_difference(estimate, metric)}" for pair, estimate in tested]
    return build_chart("pairs", f"Differences with 95 % interval: {'; '.join(texts)}.", figure)
