"""What may be concluded from few seeds and many test reviews: intervals, tests, corrections, letters.

Arrays of correctness have the shape (runs, reviews): one row for each run, in the order of its partners in a pair.
Distributions come from `scipy.special`, because `scipy.stats` takes a second to import; the tests hold the results
against `scipy.stats` and statsmodels.
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
"""Replicates of a bootstrap: the ends of an interval are then good to about 2 % of its width."""
LEVEL = 0.05
"""Chance of a false alarm that a test takes; intervals hold one minus it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means, its 95 % interval, and the p-value of the claim that it is 0."""

    value: float
    low: float
    high: float
    p_value: float


def bootstrap_mean(scores: NDArray[np.number], seed: int = 0) -> Estimate:
    """Estimate a mean over (runs, reviews) where runs and reviews are both a sample, such as that of a difference.

    Scores are whole numbers from -1 to 1 for each of two or more runs: correctness, or the difference of two. Reviews
    are resampled, the same for all runs (the pigeonhole bootstrap of Owen 2007); the few runs are not, since resampled
    they would vary too little, but their mean is drawn from its t distribution. What runs and reviews do together is in
    the spread of the runs already and is taken out of that of the reviews: counted twice, it would leave 1 % of false
    alarms where 5 % are meant.
    """
    runs, reviews = scores.shape
    by_run = scores.mean(axis=1)
    mean = float(by_run.mean())
    together = _interaction(scores, by_run) / (runs * reviews)
    of_reviews = scores.mean(axis=0).var(ddof=1) / reviews
    share = math.sqrt(max(0.0, of_reviews - together) / of_reviews) if of_reviews > 0 else 0.0
    random = np.random.default_rng(seed)
    drift = share * (_resampled_means(scores, random) - mean)
    drift += math.sqrt(by_run.var(ddof=1) / runs) * random.standard_t(runs - 1, DRAWS)
    reach = float(np.quantile(np.abs(drift), 1 - LEVEL))
    p_value = (1 + np.count_nonzero(np.abs(drift) >= abs(mean))) / (1 + DRAWS)
    return Estimate(mean, mean - reach, mean + reach, float(p_value))


def t_mean(values: Sequence[float]) -> Estimate:
    """Estimate a mean over two or more runs (Student 1908): of a metric, or of its differences in pairs of runs."""
    count, mean = len(values), float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    reach = error * float(stdtrit(count - 1, 1 - LEVEL / 2))
    if error == 0:
        return Estimate(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    return Estimate(mean, mean - reach, mean + reach, 2 * float(stdtr(count - 1, -abs(mean) / error)))


def wilson_interval(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.959963984540054
    share, width = right / of, z * z / of
    middle = (share + width / 2) / (1 + width)
    reach = math.sqrt(share * (1 - share) * width + width * width / 4) / (1 + width)
    return middle - reach, middle + reach


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value of the claim that two trained models err equally often (McNemar 1947).

    Both arrays (reviews,) tell which reviews a model gets right. It is about these two trainings: other seeds are not
    in it.
    """
    first_alone, second_alone = int((first & ~second).sum()), int((second & ~first).sum())
    return min(1.0, 2 * float(bdtr(min(first_alone, second_alone), first_alone + second_alone, 0.5)))


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Return the p-values corrected for a family of tests (Holm 1979), in their order.

    `family` is the number of tests where more were made than are given; those count as the larger ones.
    """
    family = family or len(p_values)
    p_adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (family - rank) * p_values[index]))
        p_adjusted[index] = largest
    return p_adjusted


def compact_letters(names: Sequence[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return letters for each name: two names share one exactly where they are not told apart.

    Insert and absorb (Piepho 2004). Letters run in the order of the names, so the first name has an `a`.
    """
    columns = [frozenset(names)]
    for first, second in different:
        split = [{column - {first}, column - {second}} if {first, second} <= column else {column} for column in columns]
        columns = _absorbed(set().union(*split))
    place = {name: number for number, name in enumerate(names)}
    columns.sort(key=lambda column: sorted(place[name] for name in column))
    return {name: "".join(_letter(number) for number, column in enumerate(columns) if name in column) for name in names}


def _interaction(scores: NDArray[np.number], by_run: Floats) -> float:
    """Return the variance that is left when those of runs and of reviews are taken out."""
    runs, reviews = scores.shape
    left = scores - by_run[:, None] - scores.mean(axis=0) + by_run.mean()
    return float((left**2).sum() / ((runs - 1) * (reviews - 1)))


def _resampled_means(scores: NDArray[np.number], random: np.random.Generator) -> Floats:
    """Return the mean (draws,) over runs and resampled reviews.

    Reviews with the same sum over the runs are alike to it: drawing how often each sum occurs is drawing the reviews.
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
