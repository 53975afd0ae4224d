"""The numbers in the charts: learning curves, bins by length and by probability, confusion counts, Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.analysis.statistics import share_correct
from sentiment_lab.training.result import Result

LENGTH_BINS = 5
PROBABILITY_BINS = 10

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """One quantity by epoch over several runs, at each epoch over the runs that reached it; arrays are (epochs,)."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """Smallest and largest value of the runs."""


class LengthBin(NamedTuple):
    """Reviews of similar length: how many, and their accuracy (mean over runs) with its 95 % interval."""

    shortest: int
    longest: int
    """Lengths in tokens."""
    reviews: int
    accuracy: float
    low: float
    high: float

    @property
    def span(self) -> str:
        """The lengths as text."""
        return f"{self.shortest}" if self.shortest == self.longest else f"{self.shortest}–{self.longest}"  # noqa: RUF001


class ProbabilityBin(NamedTuple):
    """Predictions whose probability of a positive review lies in one bin."""

    mean_predicted: float
    fraction_positive: float
    size: int


def learning_curve(results: Sequence[Result], field: str) -> LearningCurve | None:
    """Return a field of the epochs over runs; None if a run lacks it."""
    values = [[getattr(epoch, field) for epoch in result.epochs] for result in results]
    if any(value is None for run in values for value in run):
        return None
    epochs = range(max(map(len, values)))
    by_epoch = [[run[epoch] for run in values if epoch < len(run)] for epoch in epochs]
    mean, low, high = (np.array([function(one) for one in by_epoch]) for function in (np.mean, min, max))
    return LearningCurve(mean, low, high)


def by_length(lengths: Integers, correct: NDArray[np.bool_], bins: int = LENGTH_BINS) -> list[LengthBin]:
    """Return the accuracy in up to `bins` bins of about equally many reviews, from the shortest to the longest.

    `lengths` (reviews,) are in tokens, `correct` is (runs, reviews).
    """
    # Many reviews may have the same length, above all text.max_length: equal edges then leave fewer bins.
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    numbers = np.digitize(lengths, edges, right=True)
    members = [numbers == number for number in np.unique(numbers)]
    return [
        LengthBin(
            int(lengths[chosen].min()),
            int(lengths[chosen].max()),
            int(chosen.sum()),
            *share_correct(correct[:, chosen]),
        )
        for chosen in members
    ]


def by_probability(labels: Integers, probabilities: Floats) -> list[ProbabilityBin]:
    """Return mean predicted probability and fraction of positives of the non-empty bins of 0.1; both are (n,)."""
    predicted = probabilities.astype(np.float64)
    numbers = np.digitize(predicted, np.linspace(0, 1, PROBABILITY_BINS + 1)[1:-1])
    return [
        ProbabilityBin(float(predicted[chosen].mean()), float((labels[chosen] == 1).mean()), int(chosen.sum()))
        for chosen in (numbers == number for number in np.unique(numbers))
    ]


def confusion_counts(labels: Integers, probabilities: Floats) -> NDArray[np.int64]:
    """Count predictions (n,) by true and by predicted label: (2, 2), negative first."""
    counts = np.zeros((2, 2), dtype=np.int64)
    np.add.at(counts, (labels.astype(np.int64), (probabilities > 0.5).astype(np.int64)), 1)
    return counts


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> list[bool]:
    """Return which points are on the front: no other is at least as good at no higher cost, unless it is equal."""
    points = list(zip(costs, values, strict=True))
    return [not any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in points) for one in points]
