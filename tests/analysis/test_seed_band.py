"""The band of seeds contains a new seed as often as it claims, and excludes what no seed causes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sentiment_lab.analysis.reproduction import AccuracyTest, compare_accuracies, decide
from sentiment_lab.analysis.seed_band import EARLY_RATE, GENERIC, RATES, REVIEWS, STUDY_DF, SeedBand

NAMES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def seed_of(random, *, epochs=3, std=0.01):
    """Return the numbers of one seed, all of them independent."""
    curves = {(epoch, name): random.normal(0.5, std) for epoch in range(1, epochs + 1) for name in NAMES}
    return {**curves, (0, "test_accuracy"): random.normal(0.8, std), (0, "test_loss"): random.normal(0.5, std)}


def test_a_new_seed_is_seldom_outside():
    random = np.random.default_rng(0)
    found = 0
    for _ in range(1000):
        *known, new = (seed_of(random) for _ in range(6))
        found += bool(SeedBand(known).outside(new))
    # Independent numbers are the worst case: two of each part, so at most twice the rates.
    assert found / 1000 < 2 * (sum(RATES.values()) + EARLY_RATE) + 0.02


def test_a_bound_is_that_of_the_prediction_interval():
    known = [{(1, "train_loss"): value} for value in (0.1, 0.2, 0.3, 0.5)]
    values = [0.1, 0.2, 0.3, 0.5]
    bound = np.mean(values) + stats.t.ppf(1 - RATES["train"] / 2, 3) * np.std(values, ddof=1) * math.sqrt(1 + 1 / 4)
    assert not SeedBand(known).outside({(1, "train_loss"): bound - 1e-9})
    (deviation,) = SeedBand(known).outside({(1, "train_loss"): bound + 1e-9})
    assert deviation.deviations == pytest.approx(stats.t.ppf(1 - RATES["train"] / 2, 3))


def test_with_a_study_the_variance_is_moderated_towards_that_of_its_other_variants():
    number, random = (1, "train_loss"), np.random.default_rng(2)
    known = [{number: value} for value in (0.1, 0.2, 0.3)]
    study = [[{number: value} for value in random.normal(0.5, 0.05, 5)] for _ in range(400)]
    band = SeedBand(known, study=study)
    expected = (STUDY_DF * 0.05**2 + 2 * 0.1**2) / (STUDY_DF + 2)
    assert band.std(number) == pytest.approx(math.sqrt(expected), rel=0.05)
    assert band.tail(number, 2.5) == pytest.approx(2 * stats.t.sf(2.5, STUDY_DF + 2))
    assert SeedBand(known[:1], study=study).std(number) == pytest.approx(0.05, rel=0.05)
    assert SeedBand(known, study=study[:1]).std(number) == pytest.approx(0.1)


def test_validation_before_the_last_epoch_is_not_compared():
    random = np.random.default_rng(1)
    known = [seed_of(random) for _ in range(5)]
    jump = {**known[0], (1, "validation_accuracy"): 5.0, (1, "validation_loss"): 5.0}
    assert not SeedBand(known).outside(jump)
    assert SeedBand(known).outside({**jump, (3, "validation_loss"): 5.0})


def test_deviations_are_in_the_order_of_epochs_with_the_test_part_last():
    random = np.random.default_rng(1)
    known = [seed_of(random) for _ in range(5)]
    outside = SeedBand(known).outside({number: value + 1 for number, value in known[0].items()})
    assert [deviation.epoch for deviation in outside] == [1] * 2 + [2] * 2 + [3] * 4 + [0] * 2


def test_without_seeds_the_standard_deviation_is_generic_and_grows_on_a_small_part():
    number = (3, "validation_loss")
    assert SeedBand([{number: 0.5}]).std(number) == GENERIC["validation_loss"]
    small = SeedBand([{number: 0.5}], {"validation": REVIEWS["validation"] // 4})
    assert small.std(number) == pytest.approx(2 * GENERIC["validation_loss"])
    assert SeedBand([{number: 0.5}], {"validation": 10**6}).std(number) == GENERIC["validation_loss"]


def test_without_seeds_early_epochs_are_not_compared():
    before = {(epoch, "train_loss"): 0.5 for epoch in (1, 2)}
    assert not SeedBand([before]).outside({(1, "train_loss"): 5.0, (2, "train_loss"): 0.5})
    assert SeedBand([before]).outside({(1, "train_loss"): 0.5, (2, "train_loss"): 5.0})


def accuracies(*values):
    return SeedBand([{(0, "test_accuracy"): value} for value in values])


def test_the_accuracy_test_has_the_larger_of_both_standard_errors():
    random = np.random.default_rng(0)
    one, other = random.random(1000) < 0.8, random.random(1000) < 0.8
    paired = math.sqrt((one != other).sum()) / 1000
    narrow = compare_accuracies(accuracies(0.8, 0.8001, 0.7999), one.mean(), other.mean(), (one, other))
    assert narrow.p_value == pytest.approx(2 * stats.norm.sf(abs(one.mean() - other.mean()) / paired))
    wide = compare_accuracies(accuracies(0.7, 0.8, 0.9), 0.8, 0.9, (one, other))
    assert wide.deviations == pytest.approx(0.1 / (0.1 * math.sqrt(2)))
    assert wide.p_value == pytest.approx(2 * stats.t.sf(wide.deviations, 2))


@pytest.mark.parametrize(
    ("exact", "within", "outside", "p_value", "verdict"),
    [
        (True, True, False, 1.0, "diverged"),
        (False, True, True, 0.0, "within tolerance"),
        (False, False, False, 1.0, "statistically equivalent"),
        (False, False, True, 1.0, "diverged"),
        (False, False, False, 1e-4, "diverged"),
    ],
)
def test_the_rule(exact, within, outside, p_value, verdict):
    test = AccuracyTest(0.0, 0.0, p_value, paired=True)
    assert decide(exact=exact, within=within, outside=outside, test=test) == verdict
