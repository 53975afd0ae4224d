"""The figures of one run: its course over the epochs, and where its predictions on the test part are right."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, PercentFormatter, StrMethodFormatter
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, roc_curve

from sentiment_lab.training.result import EpochRecord, Result

RED, BLUE, GREY = "#c8323c", "#1f63b4", "#6b6b6b"
"""Training, held-out and what stands beside them; red and blue differ in lightness for the colour-blind too."""

FEW_EPOCHS = 20
"""Up to here each epoch has a mark and a number of its own."""

LENGTH_BINS = 10
PROBABILITY_BINS = 10

Floats = NDArray[np.floating]
Whole = NDArray[np.integer]


def run_figures(
    title: str, result: Result, *, labels: Whole, probabilities: Floats, lengths: Whole
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


def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write figures of 800 by 500 pixels into a folder that is there; the same figure gives the same bytes."""
    for name, figure in figures.items():
        # `savefig` draws everything twice, the first time for a layout that is fixed here.
        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(folder / name, metadata={"Software": None})


def draw_accuracy(title: str, result: Result) -> Figure:
    """Draw the accuracies of the training and the held-out part, epoch by epoch."""
    figure, axes = _figure(title, "Accuracy by epoch")
    _draw_course(axes, result, "accuracy")
    _scale_accuracy(axes, [record.train_accuracy for record in result.epochs] + _held_out(result, "accuracy"))
    axes.set_ylabel("accuracy")
    _add_legend(figure)
    return figure


def draw_loss(title: str, result: Result) -> Figure:
    """Draw the losses of the training and the held-out part, epoch by epoch."""
    figure, axes = _figure(title, "Loss by epoch")
    _draw_course(axes, result, "loss")
    axes.set_ylim(0, 1.08 * max([record.train_loss for record in result.epochs] + _held_out(result, "loss")))
    axes.set_ylabel("binary cross-entropy (nats a review)")
    _add_legend(figure)
    return figure


def draw_confusion_matrix(title: str, labels: Whole, probabilities: Floats) -> Figure:
    """Draw how many reviews of each label are called negative and positive."""
    figure, axes = _figure(title, f"Confusion matrix, {len(labels):,} test reviews (share of the true label)")
    counts = confusion_matrix(labels, probabilities > 0.5, labels=[0, 1])
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


def draw_roc(title: str, labels: Whole, probabilities: Floats, area: float) -> Figure:
    """Draw the share of positive reviews found against the share of negative ones called positive."""
    figure, axes = _figure(title, "Receiver operating characteristic, test")
    false, true, _ = roc_curve(labels, probabilities)
    axes.fill_between(false, true, color=BLUE, alpha=0.12, linewidth=0)
    axes.plot(false, true, color=BLUE, linewidth=2, label=f"area under the curve {area:.4f}")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
    _scale_square(axes)
    axes.set_xlabel("negative reviews called positive")
    axes.set_ylabel("positive reviews called positive")
    _add_legend(figure)
    return figure


def draw_calibration(title: str, labels: Whole, probabilities: Floats, error: float) -> Figure:
    """Draw the share of positive reviews against the probability that was said, and how often it was said."""
    figure, axes = _figure(title, "Calibration, test", panels=[3, 1])
    edges = np.linspace(0, 1, PROBABILITY_BINS + 1)
    bins = np.digitize(probabilities, edges[1:-1])
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfect")
    groups = [(probabilities[bins == number], labels[bins == number]) for number in np.unique(bins)]
    said = [float(chosen.mean()) for chosen, _ in groups]
    _draw_shares(
        axes, said, [found == 1 for _, found in groups], f"bins of 0.1; expected calibration error {error:.3f}"
    )
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel="share that is positive")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.tick_params(labelbottom=False)
    histogram = figure.axes[1]
    histogram.hist(probabilities, bins=edges.tolist(), color=BLUE, alpha=0.6, edgecolor="white")
    histogram.set(xlim=(0, 1), xlabel="probability of a positive review", ylabel="reviews")
    histogram.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    histogram.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    _add_legend(figure)
    return figure


def draw_accuracy_by_length(title: str, labels: Whole, probabilities: Floats, lengths: Whole) -> Figure:
    """Draw the accuracy of about equally many reviews each, from the shortest to the longest."""
    figure, axes = _figure(title, "Accuracy by review length, test")
    right = (probabilities > 0.5) == (labels == 1)
    # Many reviews may have one length, that of text.max_length above all: equal edges then leave fewer bins.
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_BINS + 1)[1:-1], method="lower"))
    bins = np.digitize(lengths, edges, right=True)
    numbers = np.unique(bins)
    lowest = _draw_shares(
        axes, range(len(numbers)), [right[bins == number] for number in numbers], "95 % interval (Wilson)"
    )
    overall = float(right.mean())
    axes.axhline(overall, color=GREY, linestyle=":", label=f"all reviews {overall:.1%}")
    axes.set_xticks(range(len(numbers)), [_length_label(lengths[bins == number]) for number in numbers], size=9)
    _scale_accuracy(axes, [lowest])
    axes.set_xlabel("tokens that the model read, and reviews (n)")
    axes.set_ylabel("accuracy")
    _add_legend(figure)
    return figure


def _figure(title: str, subject: str, panels: Sequence[int] = (1,)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 5), dpi=100)
    # A run may be named after values of any kind; a $ in them is no mathematics.
    name = textwrap.fill(title, 76)
    figure.suptitle(name, size=12, weight="bold", parse_math=False)
    # Fixed, because working the margins out takes matplotlib as long as drawing; each line of the name takes 20 pixels.
    top = max(0.93 - 0.04 * len(name.splitlines() or [""]), 0.4)
    margins = {"left": 0.11, "right": 0.97, "bottom": 0.22, "top": top, "hspace": 0.12}
    all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=panels, gridspec_kw=margins)[:, 0]
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e4e4e4", linewidth=0.8)
        axes.set_axisbelow(True)
    all_axes[0].set_title(subject, size=11, color=GREY)
    return figure, all_axes[0]


def _add_legend(figure: Figure) -> None:
    """Put the legend below, where it hides no data."""
    figure.legend(loc="lower center", ncols=4, frameon=False, fontsize=9)


def _draw_course(axes: Axes, result: Result, quantity: str) -> None:
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
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True) if len(epochs) > FEW_EPOCHS else FixedLocator(epochs))
    axes.set_xlabel("epoch")


def _held_out(result: Result, quantity: str) -> list[float]:
    """Return the held-out values by epoch, none where nothing was held out."""
    values = [getattr(record, f"validation_{quantity}") for record in result.epochs]
    return [] if None in values else values


def _mark_best(axes: Axes, record: EpochRecord, quantity: str) -> None:
    value = getattr(record, f"validation_{quantity}")
    shown = f"{value:.2%}" if quantity == "accuracy" else f"{value:.3f}"
    label = f"best epoch {record.epoch}: {shown}"
    axes.plot(record.epoch, value, "o", color=BLUE, markersize=13, fillstyle="none", markeredgewidth=2, label=label)


def _draw_shares(axes: Axes, places: Sequence[float], groups: Sequence[NDArray[np.bool_]], label: str) -> float:
    """Draw the share of true values of each group with its 95 % interval (Wilson 1927); return the lowest end."""
    shares = np.array([group.mean() for group in groups])
    tests = [binomtest(int(group.sum()), len(group)) for group in groups]
    intervals = np.array([test.proportion_ci(method="wilson") for test in tests])
    reach = np.abs(intervals.T - shares)
    axes.errorbar(places, shares, yerr=reach, color=BLUE, marker="o", linewidth=1.5, capsize=4, label=label)
    return float(intervals.min())


def _scale_accuracy(axes: Axes, values: Sequence[float]) -> None:
    """Run the axis from chance to 100 %, or from 0 where something lies below chance."""
    axes.set_ylim(0.5 if min(values) >= 0.5 else 0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _scale_square(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def _length_label(lengths: Whole) -> str:
    shortest, longest = lengths.min(), lengths.max()
    span = f"{shortest}" if shortest == longest else f"{shortest}–{longest}"  # noqa: RUF001
    return f"{span}\nn={len(lengths):,}"
