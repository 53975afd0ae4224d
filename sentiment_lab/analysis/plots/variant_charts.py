"""Charts of one variant each, on common scales so that they can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from sentiment_lab.analysis.measures import LearningCurve, LengthBin, ProbabilityBin, learning_curve
from sentiment_lab.analysis.plots.axes import draw_shares, scale_accuracy, scale_epochs, scale_percent
from sentiment_lab.analysis.plots.style import HELD_OUT, INK, MUTED, TRAIN, Chart, add_axes, build_chart, build_figure
from sentiment_lab.analysis.summaries import VariantSummary

WIDTH = 300
FEW_EPOCHS = 12
"""Largest number of epochs that each have a mark and a tick."""

Curves = Mapping[str, LearningCurve]
"""Learning curves by field of the epochs."""


def read_curves(rows: Sequence[VariantSummary]) -> dict[str, Curves]:
    """Return training and held-out accuracy and loss by variant and field; fields that a variant lacks are missing."""
    fields = [f"{part}_{quantity}" for quantity in ("accuracy", "loss") for part in ("train", "validation")]
    outcomes = {row.label: [run.outcome for run in row.variant.runs.values()] for row in rows}
    return {
        label: {field: curve for field in fields if (curve := learning_curve(results, field))}
        for label, results in outcomes.items()
    }


def draw_curves(variants: Mapping[str, Curves]) -> dict[str, Chart]:
    """Draw the learning curves of each variant: training red, held-out blue, bands from smallest to largest run."""
    every = [(field, curve) for curves in variants.values() for field, curve in curves.items()]
    lowest = min(float(curve.low.min()) for field, curve in every if field.endswith("accuracy"))
    highest = max(float(curve.high.max()) for field, curve in every if field.endswith("loss"))
    epochs = max(len(curve.mean) for _, curve in every)
    charts = {}
    for number, (label, curves) in enumerate(variants.items(), 1):
        figure = build_figure(WIDTH, 300)
        above, below = add_axes(figure, 48, 174, 292, 294), add_axes(figure, 48, 40, 292, 160)
        _draw_curves(above, curves, "accuracy", epochs)
        _draw_curves(below, curves, "loss", epochs)
        above.set_ylabel("accuracy", labelpad=2)
        below.set_ylabel("loss (nats)", labelpad=2)
        scale_accuracy(above, lowest)
        above.tick_params(labelbottom=False)
        above.set_xlabel("")
        below.set_ylim(0, 1.08 * highest)
        charts[label] = build_chart(f"curves-{number:02d}", _curves_alt(label, curves), figure)
    return charts


def draw_lengths(variants: Mapping[str, Sequence[LengthBin]]) -> dict[str, Chart]:
    """Draw the accuracy of each variant by review length, and in grey behind it the others with the same bins."""
    lowest = min(one.low for bins in variants.values() for one in bins)
    charts = {}
    for number, (label, bins) in enumerate(variants.items(), 1):
        figure = build_figure(WIDTH, 190)
        axes = add_axes(figure, 44, 42, 292, 184)
        spans = [one.span for one in bins]
        for other in variants.values():
            if other is not bins and [one.span for one in other] == spans:
                axes.plot([one.accuracy for one in other], color=MUTED, linewidth=0.8, alpha=0.5)
        intervals = [(one.low, one.high) for one in bins]
        draw_shares(axes, range(len(bins)), [one.accuracy for one in bins], intervals, color=HELD_OUT, markersize=4)
        axes.set_xticks(range(len(bins)), spans, size=8)
        axes.set_xlim(-0.5, len(bins) - 0.5)
        scale_accuracy(axes, lowest)
        axes.set_xlabel("tokens read by the model")
        charts[label] = build_chart(f"lengths-{number:02d}", _lengths_alt(label, bins), figure)
    return charts


def draw_calibrations(
    variants: Mapping[str, Sequence[Sequence[ProbabilityBin]]], errors: Mapping[str, float]
) -> dict[str, Chart]:
    """Draw the fraction of positives against the mean predicted probability.

    The first bins of each variant are those of its runs pooled, the others those of each run. `errors` are the
    expected calibration errors.
    """
    charts = {}
    for number, (label, (pooled, *runs)) in enumerate(variants.items(), 1):
        figure = build_figure(WIDTH, 230)
        axes = add_axes(figure, 48, 44, 292, 224)
        axes.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1)
        for run in runs if len(runs) > 1 else ():
            axes.plot(*_points(run), color=HELD_OUT, linewidth=0.8, alpha=0.45)
        total = sum(one.size for one in pooled)
        axes.plot(*_points(pooled), color=HELD_OUT, linewidth=1.5)
        axes.scatter(*_points(pooled), s=[8 + 150 * one.size / total for one in pooled], color=HELD_OUT, zorder=3)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.04, 1.04))
        scale_percent(axes.xaxis, axes.yaxis)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        axes.set_xlabel("mean predicted probability")
        axes.set_ylabel("fraction of positives", labelpad=2)
        alt = _calibration_alt(label, pooled, errors[label])
        charts[label] = build_chart(f"calibration-{number:02d}", alt, figure)
    return charts


def _draw_curves(axes: Axes, curves: Curves, quantity: str, epochs: int) -> None:
    marker = "o" if epochs <= FEW_EPOCHS else None
    for part, colour, line in (("train", TRAIN, "-"), ("validation", HELD_OUT, "--")):
        curve = curves.get(f"{part}_{quantity}")
        if curve is None:
            continue
        numbers = np.arange(1, len(curve.mean) + 1)
        axes.fill_between(numbers, curve.low, curve.high, color=colour, alpha=0.22, linewidth=0)
        if len(numbers) == 1:
            axes.plot([1, 1], [curve.low[0], curve.high[0]], color=colour, alpha=0.5)
        axes.plot(numbers, curve.mean, color=colour, linestyle=line, marker=marker, markersize=4, linewidth=1.6)
    scale_epochs(axes, epochs, few=FEW_EPOCHS, margin=0.3)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _points(bins: Sequence[ProbabilityBin]) -> tuple[list[float], list[float]]:
    return [one.mean_predicted for one in bins], [one.fraction_positive for one in bins]


def _curves_alt(label: str, curves: Curves) -> str:
    parts = []
    for field, curve in curves.items():
        part, _, quantity = field.partition("_")
        ends = [f"{value:.1%}" if quantity == "accuracy" else f"{value:.3f}" for value in curve.mean[[0, -1]]]
        values = ends[0] if len(curve.mean) == 1 else f"{ends[0]} to {ends[1]}"
        parts.append(f"{'training' if part == 'train' else 'held-out'} {quantity} {values}")
    epochs = len(next(iter(curves.values())).mean)
    return f"{label}, {epochs} epoch{'s' if epochs > 1 else ''}: {', '.join(parts)}."


def _lengths_alt(label: str, bins: Sequence[LengthBin]) -> str:
    texts = [
        f"{one.span} tokens {one.accuracy:.1%} ({one.low:.1%} to {one.high:.1%}, {one.reviews:,} reviews)"
        for one in bins
    ]
    return f"{label}, accuracy by length: {'; '.join(texts)}."


def _calibration_alt(label: str, bins: Sequence[ProbabilityBin], error: float) -> str:
    texts = [
        f"{one.fraction_positive:.0%} at {one.mean_predicted:.0%} predicted ({one.size:,} predictions)" for one in bins
    ]
    return f"{label}, expected calibration error {error:.4f}; positives: {'; '.join(texts)}."
