"""The scores of a model on one part, in one table: `SCORES`.

A further score is one more entry: `score` then computes it for new runs, which store it with their other scores, and
`ScoreFunction.function` computes it for runs that were completed earlier, from their stored probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.data.reviews import DataError
from sentiment_lab.models.logits import logit, sigmoid
from sentiment_lab.training.result import Scores

CALIBRATION_BINS = 15
"""Bins of equal width over [0, 1], as in Guo et al. (2017)."""

Labels = NDArray[np.integer]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class ScoreFunction:
    """One score of predictions (reviews,) against labels (reviews,) of 0 and 1, which are both present."""

    name: str
    title: str
    """Heading of its column in tables."""
    formula: Callable[[Labels, Floats], float]
    """Takes labels, and the logits or probabilities of positive reviews."""
    argument: Literal["logits", "probabilities"] = "probabilities"
    """What `formula` takes: logits where rounding probabilities to float32 would lose digits or an order."""
    higher_is_better: bool = True
    largest: float = math.inf
    """Upper limit of the score; the lower one is 0."""
    percent: bool = False
    """Whether it is shown in percent, and its differences in percentage points."""

    def function(self, labels: Labels, probabilities: Floats) -> float:
        """Return the score of probabilities, such as the stored float32 ones of an earlier run."""
        return float(self.formula(labels, probabilities if self.argument == "probabilities" else logit(probabilities)))

    def from_logits(self, labels: Labels, logits: Floats) -> float:
        """Return the score of logits, as new results hold it."""
        return float(self.formula(labels, logits if self.argument == "logits" else sigmoid(logits)))


def score(labels: Labels, logits: Floats) -> Scores:
    """Return every score of logits (reviews,) against labels (reviews,) of 0 and 1.

    A logit above 0 predicts a positive review. Raises DataError where one label is missing: the area under the curve
    is undefined there.
    """
    if len(np.unique(labels)) < 2:
        raise DataError(f"scoring needs positive and negative reviews, got {len(labels)} of one label")
    return Scores.from_names({name: function.from_logits(labels, logits) for name, function in SCORES.items()})


def accuracy(labels: Labels, logits: Floats) -> float:
    """Return the share of reviews whose label is predicted, in [0, 1]."""
    return float(np.mean((logits > 0) == (labels == 1)))


def cross_entropy(labels: Labels, logits: Floats) -> float:
    """Return the mean binary cross-entropy in nats."""
    # From logits, since log(probability) is -inf once a confident float32 probability has been rounded to 0 or 1.
    signs = np.where(labels == 1, -1.0, 1.0)
    return float(np.logaddexp(0.0, signs * logits.astype(np.float64)).mean())


def f1(labels: Labels, logits: Floats) -> float:
    """Return F1 of the positive class, 0 where no review is predicted positive."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, logits > 0, zero_division=0))


def roc_auc(labels: Labels, logits: Floats) -> float:
    """Return the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, logits))


def calibration_error(labels: Labels, probabilities: Floats) -> float:
    """Return the expected calibration error (Guo et al. 2017, equation 3), in [0, 1].

    The confidence of a prediction is the probability of the predicted label. The error is the mean gap between
    confidence and accuracy over bins of confidence, weighted by their reviews; a bin includes its upper edge.
    """
    confidence = np.maximum(probabilities, 1.0 - probabilities)
    correct = (probabilities > 0.5) == (labels == 1)
    bins = np.digitize(confidence, np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)[1:-1], right=True)
    gaps = np.bincount(bins, weights=correct - confidence.astype(np.float64), minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


SCORES = {
    function.name: function
    for function in (
        ScoreFunction("accuracy", "test accuracy", accuracy, "logits", largest=1, percent=True),
        ScoreFunction("loss", "test loss", cross_entropy, "logits", higher_is_better=False),
        ScoreFunction("f1", "F1", f1, "logits", largest=1),
        ScoreFunction("roc_auc", "ROC-AUC", roc_auc, "logits", largest=1),
        ScoreFunction("ece", "ECE", calibration_error, higher_is_better=False, largest=1),
    )
}
"""By name, in the order in which results store them."""
