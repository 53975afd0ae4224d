"""Compare variants in pairs: difference, interval, tests, and the letters that summarise them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.statistics import LEVEL, Estimate, bootstrap_mean, compact_letters, holm, mcnemar, t_mean
from sentiment_lab.analysis.summaries import ACCURACY, VariantSummary

MOST_PAIRED = 12
"""Largest number of variants compared in pairs: the best ones, with p-values adjusted for the pairs of all variants."""


@dataclass(frozen=True)
class Pair:
    """Two variants, of which the first has the better mean or an equal one."""

    first: str
    second: str
    blocks: Sequence[str]
    """The blocks in which both have a run, usually seeds."""
    difference: Estimate | None
    """First minus second, in the metric's unit; None with fewer than two common blocks."""
    p_adjusted: float | None
    """The p-value adjusted for all pairs (Holm)."""
    mcnemar: Mapping[str, float]
    """Exact p-value for the two models of each block; empty for metrics other than accuracy."""

    @property
    def significant(self) -> bool:
        """Whether the difference is significant at 5 %, adjusted for all pairs."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL


def compare_pairs(
    ranked: Sequence[VariantSummary], metric: Metric, predictions: Mapping[str, TestPredictions]
) -> list[Pair]:
    """Compare the rows, given best first, in pairs, over the blocks that both have."""
    rows = [row for row in ranked if metric.name in row.metrics][:MOST_PAIRED]
    pairs = [_pair(first, second, metric, predictions) for first, second in itertools.combinations(rows, 2)]
    tested = [pair for pair in pairs if pair.difference is not None]
    untested = len(ranked) * (len(ranked) - 1) // 2 - len(pairs)
    p_values = [pair.difference.p_value for pair in tested if pair.difference]
    p_adjusted = dict(zip(map(id, tested), holm(p_values, len(tested) + untested), strict=True))
    return [replace(pair, p_adjusted=p_adjusted.get(id(pair))) for pair in pairs]


def assign_letters(ranked: Sequence[VariantSummary], pairs: Sequence[Pair]) -> list[VariantSummary]:
    """Assign compact letters to a largest set of rows, found greedily, in which every pair was tested."""
    untested = [{pair.first, pair.second} for pair in pairs if pair.difference is None]
    names = {name for pair in pairs if pair.difference for name in (pair.first, pair.second)}
    while clashes := [name for pair in untested if pair <= names for name in pair]:
        names.discard(max(sorted(names), key=clashes.count))
    different = [(p.first, p.second) for p in pairs if p.significant and {p.first, p.second} <= names]
    letters = compact_letters([row.label for row in ranked if row.label in names], different)
    return [replace(row, letters=letters.get(row.label, "")) for row in ranked]


def _pair(
    first: VariantSummary, second: VariantSummary, metric: Metric, predictions: Mapping[str, TestPredictions]
) -> Pair:
    if metric.name == ACCURACY:
        return _accuracy_pair(first, second, predictions)
    one, other = (row.metrics[metric.name].values for row in (first, second))
    differences = [one[block] - other[block] for block in one if block in other]
    difference = t_mean(differences) if len(differences) > 1 else None
    return Pair(first.label, second.label, _common_blocks(first, second), difference, None, {})


def _accuracy_pair(first: VariantSummary, second: VariantSummary, predictions: Mapping[str, TestPredictions]) -> Pair:
    correct = dict(_paired_correctness(first, second, predictions))
    differences = [one.astype(np.int8) - other for one, other in correct.values()]
    difference = bootstrap_mean(np.stack(differences)) if len(differences) > 1 else None
    exact = {block: mcnemar(one, other) for block, (one, other) in correct.items()}
    return Pair(first.label, second.label, list(correct), difference, None, exact)


def _common_blocks(first: VariantSummary, second: VariantSummary) -> list[str]:
    return [block for block in first.variant.runs if block in second.variant.runs]


def _paired_correctness(
    first: VariantSummary, second: VariantSummary, predictions: Mapping[str, TestPredictions]
) -> Iterator[tuple[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]]:
    """Yield which reviews both runs of a block classify correctly, for blocks tested on the reviews of the first."""
    reference: TestPredictions | None = None
    for block in _common_blocks(first, second):
        one, other = (predictions.get(row.variant.runs[block].short_hash) for row in (first, second))
        if one is None or other is None or not one.same_test(other):
            continue
        reference = reference or one
        if reference.same_test(one):
            yield block, (one.correct, other.correct)
