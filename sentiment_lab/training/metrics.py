"""How good the predictions of one part are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from sentiment_lab.data.reviews import DataError
from sentiment_lab.models.logits import sigmoid
from sentiment_lab.training.result import Scores

CALIBRATION_BINS = 15
"""Bins of equal width over [0, 1], as in Guo et al. (2017)."""


def score(labels: NDArray[np.integer], logits: NDArray[np.floating]) -> Scores:
    """Score logits (reviews,) against labels (reviews,) of 0 and 1; a logit above 0 stands for a positive review.

    F1 is that of the positive class, 0 where nothing is called positive. Raises DataError where one label is missing:
    the area under the curve has no meaning there.
    """
    if len(np.unique(labels)) < 2:
        raise DataError(f"scoring needs positive and negative reviews, got {len(labels)} of one label")
    called = logits > 0
    return Scores(
        accuracy=float(accuracy_score(labels, called)),
        loss=_cross_entropy(labels, logits),
        f1=float(f1_score(labels, called, zero_division=0)),
        roc_auc=float(roc_auc_score(labels, logits)),
        ece=calibration_error(labels, sigmoid(logits)),
    )


def calibration_error(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Return the expected calibration error (Guo et al. 2017, equation 3), in [0, 1].

    A prediction's confidence is the probability of the label that it names. The error is the mean gap between
    confidence and accuracy over bins of confidence, weighted by their reviews; a bin holds its upper edge.
    """
    confidence = np.maximum(probabilities, 1.0 - probabilities)
    right = (probabilities > 0.5) == (labels == 1)
    bins = np.digitize(confidence, np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)[1:-1], right=True)
    gaps = np.bincount(bins, weights=right - confidence.astype(np.float64), minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(labels))


def _cross_entropy(labels: NDArray[np.integer], logits: NDArray[np.floating]) -> float:
    # From logits, since log(probability) is -inf once a confident float32 probability has been rounded to 0 or 1.
    signs = np.where(labels == 1, -1.0, 1.0)
    return float(np.logaddexp(0.0, signs * logits.astype(np.float64)).mean())
