"""The figures of one run: its training history, and its predictions on the test part."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from sentiment_lab.analysis.measures import PROBABILITY_BINS, by_length, by_probability, confusion_counts
from sentiment_lab.analysis.plots.axes import draw_shares, scale_accuracy, scale_epochs, scale_percent
from sentiment_lab.analysis.plots.style import LIGHT, default_style, style_axes
from sentiment_lab.analysis.statistics import wilson_interval
from sentiment_lab.training.result import EpochRecord, Result

RED, BLUE, GREY, GRID = LIGHT["train"], LIGHT["held-out"], "#6b6b6b", "#e4e4e4"

FEW_EPOCHS = 20
"""Largest number of epochs that each have a mark and a tick."""

LENGTH_BINS = 10

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


@default_style()
def run_figures(
    title: str, result: Result, *, labels: Integers, probabilities: Floats, lengths: Integers
) -> dict[str, Figure]:
    """Draw all figures of a run, by file name.

    `labels`, `probabilities` of a positive review and `lengths` in tokens are those of the test part, (reviews,) each.
    """
    return {
        "accuracy.png": draw_accuracy(title, result),
        "loss.png": draw_loss(title, result),
        "confusion_matrix.png": draw_confusion_matrix(title, labels, probabilities),
        "roc.png": draw_roc(title, labels, probabilities, result.test.roc_auc),
        "calibration.png": draw_calibration(title, labels, probabilities, result.test.ece),
        "accuracy_by_length.png": draw_accuracy_by_length(title, labels, probabilities, lengths),
    }


@default_style()
def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write figures of 800 x 500 pixels into an existing folder; the same figure gives the same bytes."""
    for name, figure in figures.items():
        # `savefig` draws everything twice, the first time for the layout, which is fixed here.
        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(folder / name, metadata={"Software": None})


def draw_accuracy(title: str, result: Result) -> Figure:
    """Draw the accuracies of the training and the held-out part by epoch."""
    figure, axes = _figure(title, "Accuracy by epoch")
    _draw_curves(axes, result, "accuracy")
    scale_accuracy(axes, min([record.train_accuracy for record in result.epochs] + _held_out(result, "accuracy")))
    axes.set_ylabel("accuracy")
    _add_legend(figure)
    return figure


def draw_loss(title: str, result: Result) -> Figure:
    """Draw the losses of the training and the held-out part by epoch."""
    figure, axes = _figure(title, "Loss by epoch")
    _draw_curves(axes, result, "loss")
    axes.set_ylim(0, 1.08 * max([record.train_loss for record in result.epochs] + _held_out(result, "loss")))
    axes.set_ylabel("binary cross-entropy (nats per review)")
    _add_legend(figure)
    return figure


def draw_confusion_matrix(title: str, labels: Integers, probabilities: Floats) -> Figure:
    """Draw the number of reviews by true and predicted label."""
    figure, axes = _figure(title, f"Confusion matrix, {len(labels):,} test reviews (share of the true label)")
    counts = confusion_counts(labels, probabilities)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]:,}\n{share:.1%}"
        axes.text(column, row, text, ha="center", va="center", size=15, color="white" if share > 0.5 else "black")
    axes.set_xticks([0, 1], ["negative", "positive"])
    axes.set_yticks([0, 1], ["negative", "positive"], rotation=90, va="center")
    axes.set_xlabel("predicted label")
    axes.set_ylabel("true label")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def draw_roc(title: str, labels: Integers, probabilities: Floats, area: float) -> Figure:
    """Draw the true positive rate against the false positive rate."""
    from sklearn.metrics import roc_curve

    figure, axes = _figure(title, "Receiver operating characteristic, test")
    false, true, _ = roc_curve(labels, probabilities)
    axes.fill_between(false, true, color=BLUE, alpha=0.12, linewidth=0)
    axes.plot(false, true, color=BLUE, linewidth=2, label=f"area under the curve {area:.4f}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="false positive rate", ylabel="true positive rate")
    scale_percent(axes.xaxis, axes.yaxis)
    _add_legend(figure)
    return figure


def draw_calibration(title: str, labels: Integers, probabilities: Floats, error: float) -> Figure:
    """Draw the fraction of positives against the predicted probability, and the histogram of the latter."""
    figure, axes = _figure(title, "Calibration, test", panels=[3, 1])
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfect")
    bins = by_probability(labels, probabilities)
    draw_shares(
        axes,
        [one.mean_predicted for one in bins],
        [one.fraction_positive for one in bins],
        [wilson_interval(round(one.fraction_positive * one.size), one.size) for one in bins],
        color=BLUE,
        capsize=4,
        label=f"bins of 0.1; expected calibration error {error:.3f}",
    )
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="fraction of positives")
    scale_percent(axes.yaxis)
    axes.tick_params(labelbottom=False)
    _draw_histogram(figure.axes[1], probabilities)
    _add_legend(figure)
    return figure


def draw_accuracy_by_length(title: str, labels: Integers, probabilities: Floats, lengths: Integers) -> Figure:
    """Draw the accuracy in bins of about equally many reviews, from the shortest to the longest."""
    figure, axes = _figure(title, "Accuracy by review length, test")
    correct = (probabilities > 0.5) == (labels == 1)
    bins = by_length(lengths, correct[None], LENGTH_BINS)
    intervals = [(one.low, one.high) for one in bins]
    positions = range(len(bins))
    style = {"color": BLUE, "capsize": 4, "label": "95 % interval (Wilson)"}
    draw_shares(axes, positions, [one.accuracy for one in bins], intervals, **style)
    overall = float(correct.mean())
    axes.axhline(overall, color=GREY, linestyle=":", label=f"all reviews {overall:.1%}")
    axes.set_xticks(positions, [f"{one.span}\nn={one.reviews:,}" for one in bins], size=9)
    scale_accuracy(axes, min(one.low for one in bins))
    axes.set_xlabel("tokens read by the model, and reviews (n)")
    axes.set_ylabel("accuracy")
    _add_legend(figure)
    return figure


def _figure(title: str, subject: str, panels: Sequence[int] = (1,)) -> tuple[Figure, Axes]:
    """Return a figure of 800 x 500 pixels and the first of its panels, which have these relative heights."""
    figure = Figure(figsize=(8, 5), dpi=100)
    # The name may contain values of any kind; a $ in them is not mathematics.
    name = textwrap.fill(title, 76)
    figure.suptitle(name, size=12, weight="bold", parse_math=False)
    # Fixed, because a computed layout takes matplotlib as long as drawing; each line of the name takes 20 pixels.
    top = max(0.93 - 0.04 * len(name.splitlines() or [""]), 0.4)
    margins = {"left": 0.11, "right": 0.97, "bottom": 0.22, "top": top, "hspace": 0.12}
    all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=panels, gridspec_kw=margins)[:, 0]
    for axes in all_axes:
        style_axes(axes, GRID)
    all_axes[0].set_title(subject, size=11, color=GREY)
    return figure, all_axes[0]


def _add_legend(figure: Figure) -> None:
    """Add the legend below the axes, where it covers no data."""
    figure.legend(loc="lower center", ncols=4, frameon=False, fontsize=9)


def _draw_curves(axes: Axes, result: Result, quantity: str) -> None:
    epochs = [record.epoch for record in result.epochs]
    train = [getattr(record, f"train_{quantity}") for record in result.epochs]
    held_out = _held_out(result, quantity)
    marker = "o" if len(epochs) <= FEW_EPOCHS else None
    axes.plot(epochs, train, color=RED, marker=marker, linewidth=2, label="training")
    if held_out:
        name = "test (followed each epoch)" if result.validation_is_test else "validation"
        axes.plot(epochs, held_out, color=BLUE, marker=marker, linestyle="--", linewidth=2, label=name)
        _mark_best(axes, result.epochs[result.best_epoch - 1], quantity)
    axes.axvline(
        result.kept_epoch, color=GREY, linestyle=":", zorder=0, label=f"weights kept: epoch {result.kept_epoch}"
    )
    scale_epochs(axes, len(epochs), few=FEW_EPOCHS, margin=0.5)


def _held_out(result: Result, quantity: str) -> list[float]:
    """Return the held-out values by epoch, an empty list if nothing was held out."""
    values = [getattr(record, f"validation_{quantity}") for record in result.epochs]
    return [] if None in values else values


def _mark_best(axes: Axes, record: EpochRecord, quantity: str) -> None:
    value = getattr(record, f"validation_{quantity}")
    shown = f"{value:.2%}" if quantity == "accuracy" else f"{value:.3f}"
    label = f"best epoch {record.epoch}: {shown}"
    axes.plot(record.epoch, value, "o", color=BLUE, markersize=13, fillstyle="none", markeredgewidth=2, label=label)


def _draw_histogram(axes: Axes, probabilities: Floats) -> None:
    edges = np.linspace(0, 1, PROBABILITY_BINS + 1).tolist()
    axes.hist(probabilities, bins=edges, color=BLUE, alpha=0.6, edgecolor="white")
    axes.set(xlim=(0, 1), xlabel="predicted probability of a positive review", ylabel="reviews")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
