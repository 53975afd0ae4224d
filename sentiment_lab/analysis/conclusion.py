"""Whether the conclusion of a study holds in its reproduction: signs and significance of pairs, ranking, intervals.

Both studies are compared in the same way, from test accuracies alone, because published records need not hold
predictions: Student's paired t test over common seeds, adjusted by Holm's method over the pairs, and t intervals.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from sentiment_lab.analysis.statistics import LEVEL, Estimate, holm, t_mean

Accuracies = Mapping[str, Mapping[int, float]]
"""Test accuracy by variant and seed."""

HOLDS, UNDECIDED, CONTRADICTED = "holds", "undecided", "does not hold"


@dataclass(frozen=True)
class PairResult:
    """The difference of two variants in one study."""

    difference: Estimate
    """First minus second; without interval and p-value (0 and 1) where there is one common seed."""
    seeds: int
    p_adjusted: float | None

    @property
    def significant(self) -> bool:
        """Whether the difference is significant at 5 %, adjusted for all pairs."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL


@dataclass(frozen=True)
class PairCheck:
    """A pair in the original and in the reproduction."""

    first: str
    second: str
    original: PairResult
    again: PairResult

    @property
    def same_sign(self) -> bool:
        """Whether the same variant is better."""
        return self.original.difference.value * self.again.difference.value >= 0

    @property
    def state(self) -> str:
        """Whether sign and significance hold; undecided where a significant difference is only smaller or uncertain."""
        was, now = self.original.significant, self.again.significant
        if was == now:
            return HOLDS if not was or self.same_sign else CONTRADICTED
        return UNDECIDED if was else CONTRADICTED


@dataclass(frozen=True)
class VariantCheck:
    """The accuracy of a variant in both studies: mean with interval, without one for a single seed."""

    label: str
    original: Estimate
    original_seeds: int
    again: Estimate
    again_seeds: int

    @property
    def overlap(self) -> bool | None:
        """Whether the 95 % intervals overlap; None where one of them is unknown."""
        if min(self.original_seeds, self.again_seeds) < 2:
            return None
        return self.original.low <= self.again.high and self.again.low <= self.original.high


@dataclass(frozen=True)
class Conclusion:
    """The comparison of a study with its reproduction."""

    variants: Sequence[VariantCheck]
    """The original's best first."""
    pairs: Sequence[PairCheck]

    @property
    def kendall_tau(self) -> float | None:
        """Rank correlation of the mean accuracies; None for one variant."""
        signs = [1 if pair.same_sign else -1 for pair in self.pairs]
        return fmean(signs) if signs else None

    @property
    def state(self) -> str:
        """Whether the conclusion holds, is undecided, or does not hold."""
        states = {pair.state for pair in self.pairs}
        if CONTRADICTED in states or any(variant.overlap is False for variant in self.variants):
            return CONTRADICTED
        return UNDECIDED if UNDECIDED in states else HOLDS

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return f"the conclusion {'is ' if self.state == UNDECIDED else ''}{self.state}: {'; '.join(self._reasons())}"

    def _reasons(self) -> Iterator[str]:
        for state, text in (
            (HOLDS, "have the same sign and significance, or no significant difference in both"),
            (UNDECIDED, "were significant and are not again, which more seeds would decide"),
            (CONTRADICTED, "have another significance or sign"),
        ):
            found = [f"{pair.first} and {pair.second}" for pair in self.pairs if pair.state == state]
            names = f" ({', '.join(found)})" if found and state != HOLDS else ""
            if found:
                yield f"{len(found)} of {len(self.pairs)} pairs {text}{names}"
        if self.pairs:
            yield f"ranking: Kendall's tau {self.kendall_tau:.2f}"
        known = [variant for variant in self.variants if variant.overlap is not None]
        apart = [variant.label for variant in known if not variant.overlap]
        yield f"intervals overlap for {len(known) - len(apart)} of {len(known)} variants" + (
            f" (not {', '.join(apart)})" if apart else ""
        )


def check_conclusion(original: Accuracies, again: Accuracies) -> Conclusion:
    """Compare a study with its reproduction; both have the same variants, the reproduction perhaps fewer seeds."""
    ranked = sorted(original, key=lambda label: -fmean(original[label].values()))
    variants = [_variant(label, original[label], again[label]) for label in ranked]
    names = list(itertools.combinations(ranked, 2))
    pairs = zip(names, _pairs(original, names), _pairs(again, names), strict=True)
    return Conclusion(variants, [PairCheck(*name, was, now) for name, was, now in pairs])


def _variant(label: str, original: Mapping[int, float], again: Mapping[int, float]) -> VariantCheck:
    return VariantCheck(label, _mean(original.values()), len(original), _mean(again.values()), len(again))


def _pairs(accuracies: Accuracies, names: Sequence[tuple[str, str]]) -> list[PairResult]:
    differences = [_differences(accuracies[first], accuracies[second]) for first, second in names]
    estimates = [_mean(values) for values in differences]
    testable = [index for index, values in enumerate(differences) if len(values) > 1]
    adjusted = dict(zip(testable, holm([estimates[index].p_value for index in testable]), strict=True))
    return [
        PairResult(estimate, len(values), adjusted.get(index))
        for index, (estimate, values) in enumerate(zip(estimates, differences, strict=True))
    ]


def _differences(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    """Return the differences of the common seeds, or that of the means where there are none."""
    common = [first[seed] - second[seed] for seed in first if seed in second]
    return common or [fmean(first.values()) - fmean(second.values())]


def _mean(values: Iterable[float]) -> Estimate:
    numbers = list(values)
    return t_mean(numbers) if len(numbers) > 1 else Estimate(numbers[0], numbers[0], numbers[0], 1.0)
