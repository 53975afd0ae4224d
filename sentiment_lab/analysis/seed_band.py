"""The band in which a run of a variant lies if only its seed changes.

Another processor rounds differently, and training amplifies that until the run differs as it would with another seed.
A number of a repeated run is therefore compared with its values over the known seeds by a prediction interval: mean
plus or minus t s sqrt(1 + 1/n). With fewer than three known seeds, s is a generic standard deviation.

Two rates of false alarms share the work: the last epoch and the test part decide with 3 %, all earlier epochs with 1 %,
which leaves 1 % for seeds that are not normally distributed. Seeds differ in how fast they start, so early epochs vary
most and show least: at 5 % false alarms, a rise of the training loss by 0.04 is found in 46 % of the published runs by
comparing all epochs alike, and in 72 % by the last one. With generic standard deviations, earlier epochs are not
compared. Numbers of one part, such as loss and accuracy on train, move together, so a rate is divided by the number of
parts, not of numbers. `python -m benchmarks.reproduction` measures the error rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

LEVEL, EARLY_LEVEL = 0.03, 0.01
"""Rates of false alarms: of the last epoch with the test part, and of all earlier epochs."""
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
"""Smallest number of known seeds, the original's included, whose own standard deviation is used."""

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

    def __init__(self, seeds: Sequence[Numbers], sizes: Mapping[str, int] | None = None) -> None:
        """Take the numbers of each seed, and the reviews of each part where they are known."""
        self._seeds, self._sizes = seeds, sizes or {}

    def count(self, number: Number) -> int:
        """Return how many seeds have a number."""
        return len(self._values(number))

    def std(self, number: Number) -> float:
        """Return the standard deviation of a number over seeds."""
        if self.count(number) >= MIN_SEEDS:
            return float(np.std(self._values(number), ddof=1))
        part = _part(number)
        return GENERIC[number[1]] * math.sqrt(max(1.0, REVIEWS[part] / self._sizes.get(part, REVIEWS[part])))

    def critical(self, number: Number, level: float) -> float:
        """Return the two-sided quantile: of Student's t for the seeds' own standard deviation, else the normal one."""
        count, tail = self.count(number), 1 - level / 2
        return float(stdtrit(count - 1, tail) if count >= MIN_SEEDS else ndtri(tail))

    def outside(self, run: Numbers) -> list[Deviation]:
        """Return the numbers of a run that lie outside the band, in the order of epochs, the test part last."""
        last = max(epoch for epoch, _ in run)
        decisive = [number for number in run if number[0] in (0, last)]
        early = [number for number in run if number[0] not in (0, last) and self.count(number) >= MIN_SEEDS]
        found = [*self._beyond(run, decisive, LEVEL), *self._beyond(run, early, EARLY_LEVEL)]
        return sorted(found, key=lambda deviation: (deviation.epoch or math.inf, deviation.name))

    def _beyond(self, run: Numbers, numbers: Sequence[Number], rate: float) -> Iterator[Deviation]:
        compared = [number for number in numbers if self._values(number)]
        level = rate / max(1, len({(number[0], _part(number)) for number in compared}))
        for number in compared:
            values = self._values(number)
            mean, error = float(np.mean(values)), self.std(number) * math.sqrt(1 + 1 / len(values))
            distance = run[number] - mean
            if abs(distance) > self.critical(number, level) * error:
                yield Deviation(
                    *number, run[number], mean, distance / error if error else math.copysign(math.inf, distance)
                )

    def _values(self, number: Number) -> list[float]:
        return [seed[number] for seed in self._seeds if number in seed]


def _part(number: Number) -> str:
    return number[1].partition("_")[0]
