"""Every pair of variants: the difference, its interval, its tests, and the letters that sum them up."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.analysis.statistics import LEVEL, Estimate, bootstrap_mean, compact_letters, holm, mcnemar, t_mean
from sentiment_lab.analysis.summaries import ACCURACY, VariantSummary

MOST_PAIRED = 12
"""Variants that are compared in pairs: of more, the best so many, corrected for all pairs that there are."""


@dataclass(frozen=True)
class Pair:
    """Two variants, the first of which is the better one, or an equal."""

    first: str
    second: str
    blocks: Sequence[str]
    """What both have a run of, above all seeds."""
    difference: Estimate | None
    """First minus second, in the metric's unit; None with fewer than two blocks in common."""
    p_adjusted: float | None
    """The p-value, corrected for all pairs (Holm)."""
    mcnemar: Mapping[str, float]
    """Exact p-value of each block's two trainings; empty for metrics that are no share of right answers."""

    @property
    def significant(self) -> bool:
        """Whether the difference holds at 5 % among all pairs."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL


def compare_pairs(
    ranked: Sequence[VariantSummary], metric: Metric, answers: Mapping[str, TestPredictions]
) -> list[Pair]:
    """Compare each two of the rows, given best first, in the blocks that both have."""
    chosen = [row for row in ranked if metric.name in row.metrics][:MOST_PAIRED]
    pairs = [_pair(first, second, metric, answers) for first, second in itertools.combinations(chosen, 2)]
    tested = [pair for pair in pairs if pair.difference is not None]
    untested = len(ranked) * (len(ranked) - 1) // 2 - len(pairs)
    p_values = [pair.difference.p_value for pair in tested if pair.difference]
    p_adjusted = dict(zip(map(id, tested), holm(p_values, len(tested) + untested), strict=True))
    return [replace(pair, p_adjusted=p_adjusted.get(id(pair))) for pair in pairs]


def _pair(
    first: VariantSummary, second: VariantSummary, metric: Metric, answers: Mapping[str, TestPredictions]
) -> Pair:
    blocks = [block for block in first.variant.runs if block in second.variant.runs]
    partners = {block: (first.variant.runs[block], second.variant.runs[block]) for block in blocks}
    if metric.name == ACCURACY:
        return _accuracy_pair(first, second, partners, answers)
    values = [tuple(metric.value(run.outcome) for run in runs) for runs in partners.values()]
    differences = [one - other for one, other in values if one is not None and other is not None]
    difference = t_mean(differences) if len(differences) > 1 else None
    return Pair(first.label, second.label, blocks, difference, None, {})


def _accuracy_pair(
    first: VariantSummary,
    second: VariantSummary,
    partners: Mapping[str, tuple[StudyRun, StudyRun]],
    answers: Mapping[str, TestPredictions],
) -> Pair:
    rights = dict(_tested_alike(partners, answers))
    differences = [one.astype(np.int8) - other for one, other in rights.values()]
    sizes = {len(difference) for difference in differences}
    difference = bootstrap_mean(np.stack(differences)) if len(differences) > 1 and len(sizes) == 1 else None
    exact = {block: mcnemar(one, other) for block, (one, other) in rights.items()}
    return Pair(first.label, second.label, list(rights), difference, None, exact)


def _tested_alike(
    partners: Mapping[str, tuple[StudyRun, StudyRun]], answers: Mapping[str, TestPredictions]
) -> Iterator[tuple[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]]:
    """Yield the right answers of the partners that were tested on the reviews of the first ones."""
    known: TestPredictions | None = None
    for block, runs in partners.items():
        one, other = (answers.get(run.short_hash) for run in runs)
        if one is None or other is None or not one.same_test(other):
            continue
        known = known or one
        if known.same_test(one):
            yield block, (one.right, other.right)


def assign_letters(ranked: Sequence[VariantSummary], pairs: Sequence[Pair]) -> list[VariantSummary]:
    """Give letters to the largest set of rows, about, in which each was tested against each."""
    untested = [{pair.first, pair.second} for pair in pairs if pair.difference is None]
    names = {name for pair in pairs if pair.difference for name in (pair.first, pair.second)}
    while clashes := [name for pair in untested if pair <= names for name in pair]:
        names.discard(max(sorted(names), key=clashes.count))
    different = [(p.first, p.second) for p in pairs if p.significant and {p.first, p.second} <= names]
    letters = compact_letters([row.label for row in ranked if row.label in names], different)
    return [replace(row, letters=letters.get(row.label, "")) for row in ranked]
