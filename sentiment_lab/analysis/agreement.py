"""Compare the predictions of variants on the same reviews: majority votes, agreement, mistakes of a single variant."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.summaries import VariantSummary

MOST_MISTAKES = 3
"""Reviews shown of each variant."""


@dataclass(frozen=True, eq=False)
class VariantPredictions:
    """The predictions of all runs of a variant, on the same reviews in the same order."""

    label: str
    runs: Sequence[TestPredictions]

    @property
    def reviews(self) -> TestPredictions:
        """The first run, whose ids, labels and lengths are those of all runs."""
        return self.runs[0]

    @property
    def pooled(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """The labels and the probabilities of all runs, (runs * reviews,) each."""
        labels, probabilities = ([run.labels for run in self.runs], [run.probabilities for run in self.runs])
        return np.concatenate(labels), np.concatenate(probabilities)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Whether each run predicts that a review is positive: (runs, reviews)."""
        return np.stack([run.probabilities > 0.5 for run in self.runs])

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each run classifies each review correctly: (runs, reviews)."""
        return np.stack([run.correct for run in self.runs])

    @property
    def probability(self) -> NDArray[np.float64]:
        """The mean probability of a positive review over the runs: (reviews,)."""
        mean: NDArray[np.float64] = np.mean([run.probabilities for run in self.runs], axis=0, dtype=np.float64)
        return mean

    @property
    def votes(self) -> NDArray[np.bool_]:
        """Whether the majority of runs predicts positive, (reviews,); the mean probability decides ties."""
        share = self.predicted.mean(axis=0)
        votes: NDArray[np.bool_] = np.where(share == 0.5, self.probability > 0.5, share > 0.5)
        return votes


@dataclass(frozen=True)
class Mistake:
    """A review that all runs of one variant misclassify and most other variants classify correctly."""

    review_id: str
    label: int
    probability: float
    """The mean over the variant's runs."""
    others_correct: int
    others: int


def group_predictions(
    rows: Sequence[VariantSummary], predictions: Mapping[str, TestPredictions]
) -> list[VariantPredictions]:
    """Return the predictions of the variants whose runs all have predictions on the same reviews."""
    groups = []
    for row in rows:
        runs = [predictions[run.short_hash] for run in row.variant.runs.values() if run.short_hash in predictions]
        if runs and len(runs) == len(row.variant.runs) and all(runs[0].same_test(one) for one in runs):
            groups.append(VariantPredictions(row.label, runs))
    return groups


def share_reviews(variants: Sequence[VariantPredictions]) -> bool:
    """Return whether all variants were tested on the same reviews."""
    return all(variants[0].reviews.same_test(variant.reviews) for variant in variants)


def agreement(variants: Sequence[VariantPredictions]) -> NDArray[np.float64]:
    """Return the share of reviews for which the votes of two variants agree: (variants, variants).

    The diagonal has the agreement of two runs of one variant, averaged over its pairs of runs; nan for a single run.
    """
    votes = np.stack([variant.votes for variant in variants])
    shares = np.array([[float((one == other).mean()) for other in votes] for one in votes])
    np.fill_diagonal(shares, [_between_runs(variant.predicted) for variant in variants])
    return shares


def own_mistakes(variants: Sequence[VariantPredictions], most: int = MOST_MISTAKES) -> dict[str, list[Mistake]]:
    """Return for each variant the reviews that it alone misclassifies, first those with the most correct variants.

    All its runs are wrong, and the votes of more than half of the other variants are correct. Ties are ordered by the
    confidence of the variant. The lists are empty for a single variant.
    """
    labels = variants[0].reviews.labels == 1
    correct = np.stack([variant.votes == labels for variant in variants])
    return {
        variant.label: _mistakes(variant, np.delete(correct, index, axis=0), most)
        for index, variant in enumerate(variants)
    }


def _between_runs(predicted: NDArray[np.bool_]) -> float:
    pairs = list(itertools.combinations(predicted, 2))
    return float(np.mean([(one == other).mean() for one, other in pairs])) if pairs else float("nan")


def _mistakes(variant: VariantPredictions, others: NDArray[np.bool_], most: int) -> list[Mistake]:
    reviews, votes, probability = variant.reviews, others.sum(axis=0), variant.probability
    candidates = np.flatnonzero(~variant.correct.any(axis=0) & (2 * votes > len(others)))
    confidence = np.abs(probability - 0.5)
    ordered = sorted(candidates.tolist(), key=lambda at: (-votes[at], -confidence[at], reviews.ids[at]))
    return [
        Mistake(str(reviews.ids[at]), int(reviews.labels[at]), float(probability[at]), int(votes[at]), len(others))
        for at in ordered[:most]
    ]
