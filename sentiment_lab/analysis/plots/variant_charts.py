"""Charts of one variant each, on scales that all of them share so that the eye may compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, PercentFormatter

from sentiment_lab.analysis.measures import LengthBin, ProbabilityBin, TrainingHistory, course
from sentiment_lab.analysis.plots.style import HELD_OUT, INK, MUTED, TRAIN, Chart, add_axes, build_chart, build_figure
from sentiment_lab.analysis.summaries import VariantSummary

WIDTH = 300
_FEW = 12
"""Epochs up to which each has a mark and a number of its own."""

Courses = Mapping[str, TrainingHistory]


def read_courses(rows: Sequence[VariantSummary]) -> dict[str, Courses]:
    """Return accuracy and loss in training and held out, by variant and field; what a variant lacks is missing."""
    fields = [f"{part}_{quantity}" for quantity in ("accuracy", "loss") for part in ("train", "validation")]
    outcomes = {row.label: [run.outcome for run in row.variant.runs.values()] for row in rows}
    return {
        label: {field: found for field in fields if (found := course(results, field))}
        for label, results in outcomes.items()
    }


def draw_courses(courses: Mapping[str, Courses]) -> dict[str, Chart]:
    """Draw the learning curves of each variant: training red, held-out blue, bands from smallest to largest run."""
    every = [(field, one) for found in courses.values() for field, one in found.items()]
    lowest = min(float(one.low.min()) for field, one in every if field.endswith("accuracy"))
    highest = max(float(one.high.max()) for field, one in every if field.endswith("loss"))
    epochs = max(len(one.mean) for _, one in every)
    charts = {}
    for number, (label, found) in enumerate(courses.items(), 1):
        figure = build_figure(WIDTH, 300)
        above, below = add_axes(figure, 48, 174, 292, 294), add_axes(figure, 48, 40, 292, 160)
        _draw_courses(above, found, "accuracy", epochs)
        _draw_courses(below, found, "loss", epochs)
        above.set_ylim(_floor(lowest), 1.02)
        above.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        above.tick_params(labelbottom=False)
        below.set_ylim(0, 1.08 * highest)
        below.set_xlabel("epoch")
        charts[label] = build_chart(f"curves-{number:02d}", _courses_alt(label, found), figure)
    return charts


def draw_lengths(bins: Mapping[str, Sequence[LengthBin]]) -> dict[str, Chart]:
    """Draw the accuracy of each variant by review length, the others grey behind it where their bins are the same."""
    lowest = min(one.low for found in bins.values() for one in found)
    charts = {}
    for number, (label, found) in enumerate(bins.items(), 1):
        figure = build_figure(WIDTH, 190)
        axes = add_axes(figure, 44, 42, 292, 184)
        for other in bins.values():
            if other is not found and _spans(other) == _spans(found):
                axes.plot([one.accuracy for one in other], color=MUTED, linewidth=0.8, alpha=0.5)
        shares = np.array([one.accuracy for one in found])
        reach = np.abs(np.array([(one.low, one.high) for one in found]).T - shares)
        axes.errorbar(range(len(found)), shares, yerr=reach, color=HELD_OUT, marker="o", linewidth=1.5, markersize=4)
        axes.set_xticks(range(len(found)), _spans(found), size=8)
        axes.set_xlim(-0.5, len(found) - 0.5)
        axes.set_ylim(_floor(lowest), 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("tokens that the model read")
        charts[label] = build_chart(f"lengths-{number:02d}", _lengths_alt(label, found), figure)
    return charts


def draw_calibrations(
    bins: Mapping[str, Sequence[Sequence[ProbabilityBin]]], errors: Mapping[str, float]
) -> dict[str, Chart]:
    """Draw the share that is positive against the probability that was said.

    The first bins of each variant are those of all its runs together, the others those of each run.
    """
    charts = {}
    for number, (label, (together, *alone)) in enumerate(bins.items(), 1):
        figure = build_figure(WIDTH, 230)
        axes = add_axes(figure, 48, 44, 292, 224)
        axes.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1)
        for run in alone if len(alone) > 1 else ():
            axes.plot([one.said for one in run], [one.found for one in run], color=HELD_OUT, linewidth=0.8, alpha=0.45)
        answers = sum(one.answers for one in together)
        sizes = [8 + 150 * one.answers / answers for one in together]
        said, found = [one.said for one in together], [one.found for one in together]
        axes.plot(said, found, color=HELD_OUT, linewidth=1.5)
        axes.scatter(said, found, s=sizes, color=HELD_OUT, zorder=3)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("probability said")
        axes.set_ylabel("share that is positive", labelpad=2)
        alt = _calibration_alt(label, together, errors[label])
        charts[label] = build_chart(f"calibration-{number:02d}", alt, figure)
    return charts


def _draw_courses(axes: Axes, found: Courses, quantity: str, epochs: int) -> None:
    marker = "o" if epochs <= _FEW else None
    for part, colour, line in (("train", TRAIN, "-"), ("validation", HELD_OUT, "--")):
        one = found.get(f"{part}_{quantity}")
        if one is None:
            continue
        numbers = np.arange(1, len(one.mean) + 1)
        axes.fill_between(numbers, one.low, one.high, color=colour, alpha=0.22, linewidth=0)
        if len(numbers) == 1:
            axes.plot([1, 1], [one.low[0], one.high[0]], color=colour, alpha=0.5)
        axes.plot(numbers, one.mean, color=colour, linestyle=line, marker=marker, markersize=4, linewidth=1.6)
    axes.set_xlim(0.7, epochs + 0.3)
    axes.xaxis.set_major_locator(FixedLocator(range(1, epochs + 1)) if epochs <= _FEW else MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylabel("accuracy" if quantity == "accuracy" else "loss (nats)", labelpad=2)


def _floor(lowest: float) -> float:
    """Return where an axis of accuracies begins: at chance, or at the tenth below what lies lower."""
    return min(0.5, math.floor(10 * lowest) / 10)


def _spans(bins: Sequence[LengthBin]) -> list[str]:
    return [f"{one.shortest}" if one.shortest == one.longest else f"{one.shortest}–{one.longest}" for one in bins]  # noqa: RUF001


def _courses_alt(label: str, found: Courses) -> str:
    parts = []
    for field, one in found.items():
        part, _, quantity = field.partition("_")
        values = [f"{value:.1%}" if quantity == "accuracy" else f"{value:.3f}" for value in (one.mean[0], one.mean[-1])]
        way = values[0] if len(one.mean) == 1 else f"{values[0]} to {values[1]}"
        parts.append(f"{'training' if part == 'train' else 'held-out'} {quantity} {way}")
    epochs = len(next(iter(found.values())).mean)
    return f"{label}, {epochs} epoch{'s' if epochs > 1 else ''}: {', '.join(parts)}."


def _lengths_alt(label: str, bins: Sequence[LengthBin]) -> str:
    told = [
        f"{span} tokens {one.accuracy:.1%} ({one.low:.1%} to {one.high:.1%}, {one.reviews:,} reviews)"
        for span, one in zip(_spans(bins), bins, strict=True)
    ]
    return f"{label}, accuracy by length: {'; '.join(told)}."


def _calibration_alt(label: str, bins: Sequence[ProbabilityBin], error: float) -> str:
    told = [f"{one.found:.0%} where {one.said:.0%} was said ({one.answers:,} answers)" for one in bins]
    return f"{label}, expected calibration error {error:.4f}; positive are {'; '.join(told)}."
