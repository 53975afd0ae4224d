"""The numbers behind the charts: courses over epochs, shares by length and by probability, confusion, cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.statistics import bootstrap_mean, wilson_interval
from sentiment_lab.training.result import Result

LENGTH_BINS = 5
PROBABILITY_BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingHistory:
    """One quantity by epoch over the runs that came so far; arrays have the shape (epochs,)."""

    mean: Floats
    low: Floats
    high: Floats
    """Smallest and largest of the runs."""


class LengthBin(NamedTuple):
    """Reviews of about one length in tokens, the share judged rightly (mean over runs) and its 95 % interval."""

    shortest: int
    longest: int
    reviews: int
    accuracy: float
    low: float
    high: float


class ProbabilityBin(NamedTuple):
    """Answers whose probability of a positive review lies in one bin: its mean, and the share that is positive."""

    said: float
    found: float
    answers: int


def course(results: Sequence[Result], field: str) -> TrainingHistory | None:
    """Return a field of the epochs over runs; None where a run does not have it."""
    values = [[getattr(epoch, field) for epoch in result.epochs] for result in results]
    if any(value is None for run in values for value in run):
        return None
    epochs = range(max(map(len, values)))
    by_epoch = [[run[epoch] for run in values if epoch < len(run)] for epoch in epochs]
    mean, low, high = (np.array([function(one) for one in by_epoch]) for function in (np.mean, min, max))
    return TrainingHistory(mean, low, high)


def by_length(tested: Sequence[TestPredictions]) -> list[LengthBin]:
    """Return the accuracy of about equally many reviews each, from the shortest to the longest."""
    lengths, right = tested[0].tokens, np.stack([answers.right for answers in tested])
    # Many reviews may have one length, that of text.max_length above all: equal edges then leave fewer bins.
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_BINS + 1)[1:-1], method="lower"))
    bins = np.digitize(lengths, edges, right=True)
    found = []
    for number in np.unique(bins):
        inside = bins == number
        spread = (int(lengths[inside].min()), int(lengths[inside].max()))
        found.append(LengthBin(*spread, int(inside.sum()), *share_right(right[:, inside])))
    return found


def share_right(right: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return a share (runs, reviews) and its 95 % interval: over runs and reviews, with one run over reviews alone."""
    mean = float(right.mean())
    if len(right) == 1 or right.shape[1] == 1:
        return (mean, *wilson_interval(round(mean * right.shape[1]), right.shape[1]))
    estimate = bootstrap_mean(right.astype(np.int8))
    return mean, max(0.0, estimate.low), min(1.0, estimate.high)


def by_probability(tested: Sequence[TestPredictions]) -> list[ProbabilityBin]:
    """Return what was said and what was so, over the answers of all runs, in bins of 0.1 that hold any."""
    said = np.concatenate([answers.probabilities for answers in tested]).astype(np.float64)
    positive = np.concatenate([answers.labels for answers in tested]) == 1
    bins = np.digitize(said, np.linspace(0, 1, PROBABILITY_BINS + 1)[1:-1])
    return [
        ProbabilityBin(float(said[chosen].mean()), float(positive[chosen].mean()), int(chosen.sum()))
        for chosen in (bins == number for number in np.unique(bins))
    ]


def confusion(tested: Sequence[TestPredictions]) -> NDArray[np.int64]:
    """Count answers by true and by given label over all runs: (2, 2), negative first."""
    counts = np.zeros((2, 2), dtype=np.int64)
    for answers in tested:
        np.add.at(counts, (answers.labels.astype(np.int64), (answers.probabilities > 0.5).astype(np.int64)), 1)
    return counts


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> list[bool]:
    """Tell which are on the front: no other is as good for less cost, or better for as much."""
    points = list(zip(costs, values, strict=True))
    return [not any(other[0] <= one[0] and other[1] >= one[1] and other != one for other in points) for one in points]
