"""What variants say of the same reviews: majority votes, agreement, mistakes that are one's alone."""

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
class Panel:
    """The predictions of a variant's runs on one list of reviews."""

    label: str
    tested: Sequence[TestPredictions]
    """One for each run, all of the same reviews in the same order."""

    @property
    def called(self) -> NDArray[np.bool_]:
        """Whether each run calls each review positive: (runs, reviews)."""
        return np.stack([answers.probabilities > 0.5 for answers in self.tested])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each run is right about each review: (runs, reviews)."""
        return np.stack([answers.right for answers in self.tested])

    @property
    def probability(self) -> NDArray[np.float64]:
        """The mean probability of a positive review over the runs: (reviews,)."""
        mean: NDArray[np.float64] = np.mean(
            [answers.probabilities for answers in self.tested], axis=0, dtype=np.float64
        )
        return mean

    @property
    def votes(self) -> NDArray[np.bool_]:
        """What most runs call each review, (reviews,); where they are even, what the mean probability says."""
        share = self.called.mean(axis=0)
        votes: NDArray[np.bool_] = np.where(share == 0.5, self.probability > 0.5, share > 0.5)
        return votes


@dataclass(frozen=True)
class Mistake:
    """A review that all runs of one variant get wrong and most other variants get right."""

    review_id: str
    label: int
    probability: float
    """The mean of the variant's runs."""
    others_right: int
    others: int


def build_panels(rows: Sequence[VariantSummary], answers: Mapping[str, TestPredictions]) -> list[Panel]:
    """Return the variants whose runs all have predictions on the same reviews as each other."""
    panels = []
    for row in rows:
        tested = [answers[run.short_hash] for run in row.variant.runs.values() if run.short_hash in answers]
        if tested and len(tested) == len(row.variant.runs) and all(tested[0].same_test(one) for one in tested):
            panels.append(Panel(row.label, tested))
    return panels


def share_reviews(panels: Sequence[Panel]) -> bool:
    """Tell whether all variants were tested on the same reviews."""
    return all(panels[0].tested[0].same_test(panel.tested[0]) for panel in panels)


def agreement(panels: Sequence[Panel]) -> NDArray[np.float64]:
    """Return the share of reviews on which two variants' votes agree: (variants, variants).

    On the diagonal: that on which two runs of one variant agree, the mean over its pairs of runs; nan with one run.
    """
    votes = np.stack([panel.votes for panel in panels])
    shares = np.array([[float((one == other).mean()) for other in votes] for one in votes])
    np.fill_diagonal(shares, [_between_runs(panel.called) for panel in panels])
    return shares


def own_mistakes(panels: Sequence[Panel], most: int = MOST_MISTAKES) -> dict[str, list[Mistake]]:
    """Return for each variant the reviews that are hard for it alone, those that most others get right first.

    All its runs are wrong; of more than half of the others the vote is right. Among equals the more confident comes
    first. Empty lists with one variant.
    """
    labels = panels[0].tested[0].labels == 1
    right = np.stack([panel.votes == labels for panel in panels])
    return {panel.label: _own(panel, np.delete(right, place, axis=0), most) for place, panel in enumerate(panels)}


def _between_runs(called: NDArray[np.bool_]) -> float:
    pairs = list(itertools.combinations(called, 2))
    return float(np.mean([(one == other).mean() for one, other in pairs])) if pairs else float("nan")


def _own(panel: Panel, others: NDArray[np.bool_], most: int) -> list[Mistake]:
    first, votes, probability = panel.tested[0], others.sum(axis=0), panel.probability
    chosen = np.flatnonzero(~panel.right.any(axis=0) & (2 * votes > len(others)))
    confidence = np.abs(probability - 0.5)
    ordered = sorted(chosen.tolist(), key=lambda at: (-votes[at], -confidence[at], first.ids[at]))
    return [
        Mistake(str(first.ids[at]), int(first.labels[at]), float(probability[at]), int(votes[at]), len(others))
        for at in ordered[:most]
    ]
