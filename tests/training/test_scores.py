"""The scores against numbers computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sentiment_lab.data.reviews import DataError
from sentiment_lab.models.logits import logit, sigmoid
from sentiment_lab.training.scores import SCORES, ScoreFunction, calibration_error, score

LOG_3 = math.log(3)
# Probabilities 0.75, 0.75, 0.25, 0.25, 0.75.
LABELS = np.array([1, 0, 0, 1, 1], np.int8)
LOGITS = np.array([LOG_3, LOG_3, -LOG_3, -LOG_3, LOG_3], np.float32)


def test_scores_of_five_reviews():
    scores = score(LABELS, LOGITS)
    # The 1st, 3rd and 5th are correct.
    assert scores.accuracy == pytest.approx(3 / 5)
    assert scores.loss == pytest.approx((3 * -math.log(0.75) + 2 * -math.log(0.25)) / 5)
    # Two true positives, one false positive, one false negative.
    assert scores.f1 == pytest.approx(2 / 3)
    # Of the six (positive, negative) pairs two are in order, one is reversed, three are ties.
    assert scores.roc_auc == pytest.approx((2 + 3 / 2) / 6)
    # All are in one bin with confidence 0.75.
    assert scores.ece == pytest.approx(0.75 - 0.6)


def test_calibration_error_weights_the_gap_of_each_bin_by_its_reviews():
    probabilities = np.array([0.95, 0.95, 0.95, 0.95, 0.36, 0.36])
    labels = np.array([1, 1, 1, 0, 1, 1])
    # Confidence 0.95 with accuracy 0.75 in four reviews, 0.64 with accuracy 0 in two.
    assert calibration_error(labels, probabilities) == pytest.approx((4 * 0.2 + 2 * 0.64) / 6)


def test_gaps_within_one_bin_cancel_and_those_of_two_bins_do_not():
    # 0.61 and 0.66 share the bin (0.6, 0.667]; 0.61 and 0.68 do not.
    labels = np.array([1, 0])
    assert calibration_error(labels, np.array([0.61, 0.66])) == pytest.approx(abs(0.39 - 0.66) / 2)
    assert calibration_error(labels, np.array([0.61, 0.68])) == pytest.approx((0.39 + 0.68) / 2)


def test_a_perfect_confident_model_has_no_calibration_error():
    assert calibration_error(np.array([1, 0]), np.array([1.0, 0.0])) == 0


def test_confident_wrong_logits_cost_their_size_without_overflow():
    scores = score(np.array([1, 0]), np.array([-1e4, 1e4], np.float32))
    assert scores.loss == pytest.approx(1e4)
    assert scores.accuracy == 0
    assert np.array_equal(sigmoid(np.array([-1e4, 0.0, 1e4])), np.array([0.0, 0.5, 1.0], np.float32))


def test_f1_is_0_where_nothing_is_predicted_positive():
    assert score(np.array([1, 0]), np.array([-1.0, -2.0])).f1 == 0


@pytest.mark.parametrize("label", [0, 1])
def test_reviews_of_one_label_cannot_be_scored(label):
    with pytest.raises(DataError, match=r"positive and negative reviews, got 3 of one label"):
        score(np.full(3, label), np.zeros(3))


def test_the_table_begins_with_the_stored_scores_in_their_order():
    assert list(SCORES)[:5] == ["accuracy", "loss", "f1", "roc_auc", "ece"]
    assert all(name == function.name for name, function in SCORES.items())


def test_scores_of_stored_probabilities_are_those_of_the_logits():
    generator = np.random.Generator(np.random.PCG64(0))
    labels, logits = generator.integers(2, size=500), generator.normal(0, 4, 500).astype(np.float32)
    probabilities = sigmoid(logits)
    for name, function in SCORES.items():
        expected = function.from_logits(labels, logits)
        assert function.function(labels, probabilities) == pytest.approx(expected, abs=1e-6), name


def test_probabilities_that_were_rounded_to_0_or_1_have_finite_scores():
    labels, probabilities = np.array([1, 0, 1]), np.array([0.0, 1.0, 0.5], np.float32)
    assert sigmoid(logit(probabilities)) == pytest.approx(probabilities, abs=1e-7)
    assert all(math.isfinite(function.function(labels, probabilities)) for function in SCORES.values())


def test_a_further_score_is_one_entry_of_the_table(monkeypatch):
    brier = ScoreFunction("brier", "Brier", lambda labels, p: np.mean((labels - p) ** 2), higher_is_better=False)
    monkeypatch.setitem(SCORES, brier.name, brier)
    scores = score(LABELS, LOGITS)
    assert scores.by_name()["brier"] == pytest.approx((3 * 0.25**2 + 2 * 0.75**2) / 5)
    assert scores.accuracy == pytest.approx(3 / 5)
