"""The band in which a run of a variant lies if only its seed changes.

Another processor rounds differently, and training amplifies that until the run differs as it would with another seed.
A number of a repeated run is therefore compared with its values over the n known seeds by a prediction interval, mean
plus or minus t s sqrt(1 + 1/n).

- Few seeds give a poor s. Where two or more other variants of the study have three seeds, s^2 is moderated towards
  theirs (as in limma: Smyth 2004), with the weight of four degrees of freedom. Otherwise three known seeds have their
  own s, and fewer a generic one.
- The last epoch and the test part decide. Seeds differ in how fast they start, so early epochs vary most and show
  least: only the training curve is compared there, at a low rate. Validation before the last epoch is not, because a
  snapshot may jump: a published run has a validation accuracy of 85 % after its first epoch on one processor, 80 % on
  another, and the same test accuracy.
- `RATES` gives train the largest rate of false alarms, because bugs show there first, while validation and test vary
  most between variants. Numbers of one part, such as loss and accuracy on train, move together and share its rate.

`python -m benchmarks.reproduction` measures the error rates; docs/log.md has what was tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, psi, stdtr

RATES = {"train": 0.015, "validation": 0.005, "test": 0.005}
"""Level of each number of the last epoch and of the test part, by part."""
EARLY_RATE = 0.0025
"""Level of the training curve before the last epoch, divided by the number of those epochs."""
GENERIC = {
    "train_loss": 0.021,
    "train_accuracy": 0.014,
    "validation_loss": 0.02,
    "validation_accuracy": 0.008,
    "test_loss": 0.016,
    "test_accuracy": 0.0053,
}
"""Standard deviations over the seeds of the published networks on the IMDB reviews, root mean square over variants; of
the epochs after the first."""
REVIEWS = {"train": 22_500, "validation": 2_500, "test": 25_000}
"""Reviews of the parts that `GENERIC` was measured on; on a smaller part it grows by the square root of the ratio."""
MIN_SEEDS = 3
"""Smallest number of seeds, the original's included, whose standard deviation is used."""
STUDY_DF, MIN_VARIANTS = 4, 2
"""Degrees of freedom that the variance over the study's other variants counts for, and their smallest number."""
_BIAS = math.exp(float(np.log(2) - psi(2)))
"""Ratio of a variance to the geometric mean of its estimates from five seeds."""

Number = tuple[int, str]
"""Epoch and name of a number; epoch 0 is the test part."""
Numbers = Mapping[Number, float]


@dataclass(frozen=True)
class Deviation:
    """A number outside the band."""

    epoch: int
    name: str
    value: float
    mean: float
    deviations: float
    """Distance from the mean of the seeds in standard deviations of a new seed."""

    def __str__(self) -> str:
        place = f"epoch {self.epoch} {self.name}" if self.epoch else self.name
        return (
            f"{place} {self.value:.4g}, {abs(self.deviations):.1f} standard deviations "
            f"{'above' if self.deviations > 0 else 'below'} the seeds' mean {self.mean:.4g}"
        )


class SeedBand:
    """The band of the numbers of a variant's known seeds."""

    def __init__(
        self,
        seeds: Sequence[Numbers],
        sizes: Mapping[str, int] | None = None,
        study: Sequence[Sequence[Numbers]] = (),
    ) -> None:
        """Take the numbers of each seed, the reviews of each part where known, and the seeds of other variants."""
        usable = [variant for variant in study if len(variant) >= MIN_SEEDS]
        self._seeds, self._sizes = seeds, sizes or {}
        self._study = usable if len(usable) >= MIN_VARIANTS else []

    @property
    def variants(self) -> int:
        """Number of other variants that moderate the variances."""
        return len(self._study)

    def std(self, number: Number) -> float:
        """Return the standard deviation of a number over seeds."""
        return self._spread(number)[0]

    def tail(self, number: Number, size: float) -> float:
        """Return the two-sided p-value of a distance of `size` standard deviations."""
        df = self._spread(number)[1]
        return 2 * float(ndtr(-size) if math.isinf(df) else stdtr(df, -size))

    def _spread(self, number: Number) -> tuple[float, float]:
        """Return the standard deviation over seeds and its degrees of freedom, infinity for a generic one."""
        values, study = self._values(number), self._study_variance(number)
        own, df = float(np.var(values, ddof=1)) if len(values) > 1 else 0.0, len(values) - 1
        if study is not None:
            return math.sqrt((STUDY_DF * study + df * own) / (STUDY_DF + df)), STUDY_DF + df
        if len(values) >= MIN_SEEDS:
            return math.sqrt(own), df
        part = _part(number)
        scale = math.sqrt(max(1.0, REVIEWS[part] / self._sizes.get(part, REVIEWS[part])))
        return GENERIC[number[1]] * scale, math.inf

    def _study_variance(self, number: Number) -> float | None:
        """Return the typical variance over the seeds of another variant; None where too few are known."""
        variants = [[seed[number] for seed in seeds if number in seed] for seeds in self._study]
        variances = [float(np.var(values, ddof=1)) for values in variants if len(values) >= MIN_SEEDS]
        positive = [variance for variance in variances if variance > 0]
        return _BIAS * float(np.exp(np.mean(np.log(positive)))) if len(positive) >= MIN_VARIANTS else None

    def outside(self, run: Numbers) -> list[Deviation]:
        """Return the numbers of a run that lie outside the band, in the order of epochs, the test part last."""
        last = max(epoch for epoch, _ in run)
        found = (self._deviation(number, value, self._level(number, last)) for number, value in run.items())
        return sorted(filter(None, found), key=lambda deviation: (deviation.epoch or math.inf, deviation.name))

    def _level(self, number: Number, last: int) -> float:
        """Return the level at which a number is compared; 0 if it is not."""
        part = _part(number)
        if not self._values(number):
            return 0.0
        if number[0] in (0, last):
            return RATES[part]
        own = not math.isinf(self._spread(number)[1])
        return EARLY_RATE / (last - 1) if part == "train" and own else 0.0

    def _deviation(self, number: Number, value: float, level: float) -> Deviation | None:
        if level == 0:
            return None
        known = self._values(number)
        mean, error = float(np.mean(known)), self.std(number) * math.sqrt(1 + 1 / len(known))
        deviations = _ratio(value - mean, error)
        return Deviation(*number, value, mean, deviations) if self.tail(number, abs(deviations)) < level else None

    def _values(self, number: Number) -> list[float]:
        return [seed[number] for seed in self._seeds if number in seed]


def _ratio(distance: float, error: float) -> float:
    """Return a distance in standard errors, infinite where a number that never varies differs."""
    return distance / error if error else math.copysign(math.inf, distance) if distance else 0.0


def _part(number: Number) -> str:
    return number[1].partition("_")[0]
