"""Inference from few seeds and many test reviews: intervals, tests, adjustment for multiple tests, compact letters.

Arrays of correctness have the shape (runs, reviews), with the runs of a pair in the same order. Distributions come
from `scipy.special`, because importing `scipy.stats` takes a second; the tests compare the results with `scipy.stats`
and statsmodels.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr, stdtrit

DRAWS = 10_000
"""Bootstrap replicates; the Monte Carlo error of an interval's bounds is then about 2 % of its width."""
LEVEL = 0.05
"""Significance level of all tests; intervals have the confidence level 1 - LEVEL."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means, its 95 % interval, and the p-value of the null hypothesis that it is 0."""

    value: float
    low: float
    high: float
    p_value: float


def bootstrap_mean(scores: NDArray[np.number], seed: int = 0) -> Estimate:
    """Estimate a mean over (runs, reviews) where both the runs and the reviews are samples.

    Scores are whole numbers from -1 to 1, for two or more runs: correctness, or the difference of two. Reviews are
    resampled, the same ones for all runs (the pigeonhole bootstrap of Owen 2007). The few runs are not resampled,
    because their variance would be too small; their mean is drawn from its t distribution. The variance between runs
    already includes the interaction of runs and reviews, so it is subtracted from the variance between reviews:
    counted twice, it would reduce the rate of false alarms from 5 % to 1 %.
    """
    runs, reviews = scores.shape
    by_run = scores.mean(axis=1)
    mean = float(by_run.mean())
    interaction = _interaction_variance(scores, by_run) / (runs * reviews)
    of_reviews = scores.mean(axis=0).var(ddof=1) / reviews
    share = math.sqrt(max(0.0, of_reviews - interaction) / of_reviews) if of_reviews > 0 else 0.0
    random = np.random.default_rng(seed)
    deviations = share * (_resampled_means(scores, random) - mean)
    deviations += math.sqrt(by_run.var(ddof=1) / runs) * random.standard_t(runs - 1, DRAWS)
    half_width = float(np.quantile(np.abs(deviations), 1 - LEVEL))
    p_value = (1 + np.count_nonzero(np.abs(deviations) >= abs(mean))) / (1 + DRAWS)
    return Estimate(mean, mean - half_width, mean + half_width, float(p_value))


def t_mean(values: Sequence[float]) -> Estimate:
    """Estimate a mean over two or more runs (Student 1908): of a metric, or of its differences between paired runs."""
    count, mean = len(values), float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    half_width = error * float(stdtrit(count - 1, 1 - LEVEL / 2))
    if error == 0:
        return Estimate(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    return Estimate(mean, mean - half_width, mean + half_width, 2 * float(stdtr(count - 1, -abs(mean) / error)))


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of the share correct / count (Wilson 1927)."""
    z = 1.959963984540054
    share, width = correct / count, z * z / count
    middle = (share + width / 2) / (1 + width)
    half_width = math.sqrt(share * (1 - share) * width + width * width / 4) / (1 + width)
    return middle - half_width, middle + half_width


def share_correct(correct: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the share of correct predictions (runs, reviews) and its 95 % interval, within [0, 1].

    The interval covers runs and reviews, or reviews alone for a single run.
    """
    runs, reviews = correct.shape
    if runs == 1 or reviews == 1:
        share = float(correct.mean())
        low, high = wilson_interval(round(share * reviews), reviews)
    else:
        estimate = bootstrap_mean(correct.astype(np.int8))
        share, low, high = estimate.value, estimate.low, estimate.high
    return share, max(0.0, low), min(1.0, high)


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value of the hypothesis that two models have equal error rates (McNemar 1947).

    Both arrays (reviews,) mark the reviews that a model classifies correctly. The test compares these two trained
    models; the variation between seeds is not part of it.
    """
    first_only, second_only = int((first & ~second).sum()), int((second & ~first).sum())
    return min(1.0, 2 * float(bdtr(min(first_only, second_only), first_only + second_only, 0.5)))


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Return the p-values adjusted for a family of tests (Holm 1979), in the given order.

    `family` is the number of all tests, if `p_values` has only the smallest of them.
    """
    family = family or len(p_values)
    p_adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (family - rank) * p_values[index]))
        p_adjusted[index] = largest
    return p_adjusted


def compact_letters(names: Sequence[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return letters for each name; two names share a letter exactly if they are not among the `different` pairs.

    Insert-and-absorb algorithm (Piepho 2004). Letters follow the order of the names, so the first name has an `a`.
    """
    columns = [frozenset(names)]
    for first, second in different:
        split = [{column - {first}, column - {second}} if {first, second} <= column else {column} for column in columns]
        columns = _absorbed(set().union(*split))
    index = {name: number for number, name in enumerate(names)}
    columns.sort(key=lambda column: sorted(index[name] for name in column))
    return {name: "".join(_letter(number) for number, column in enumerate(columns) if name in column) for name in names}


def _interaction_variance(scores: NDArray[np.number], by_run: Floats) -> float:
    """Return the variance that remains after subtracting the means of runs and of reviews."""
    runs, reviews = scores.shape
    residuals = scores - by_run[:, None] - scores.mean(axis=0) + by_run.mean()
    return float((residuals**2).sum() / ((runs - 1) * (reviews - 1)))


def _resampled_means(scores: NDArray[np.number], random: np.random.Generator) -> Floats:
    """Return the means (draws,) over runs and resampled reviews.

    Only the sum of a review over the runs matters, so the counts of each sum are drawn instead of the reviews.
    """
    sums, counts = np.unique(scores.sum(axis=0), return_counts=True)
    drawn = random.multinomial(counts.sum(), counts / counts.sum(), size=DRAWS)
    means: Floats = drawn @ sums / scores.size
    return means


def _absorbed(columns: set[frozenset[str]]) -> list[frozenset[str]]:
    return [column for column in columns if not any(column < other for other in columns)]


def _letter(number: int) -> str:
    letters = string.ascii_lowercase + string.ascii_uppercase
    return letters[number] if number < len(letters) else f"({number + 1})"
