"""The statistics against published examples, other libraries, and simulated studies without differences."""

from __future__ import annotations

import gc
import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sentiment_lab.analysis.statistics import (
    LEVEL,
    bootstrap_mean,
    compact_letters,
    holm,
    mcnemar,
    share_correct,
    t_mean,
    wilson_interval,
)

SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
"""Hours of sleep gained by drug 2 over drug 1 (Cushny and Peebles 1905), the example of Student (1908)."""


def test_t_mean_equals_the_published_result_for_the_sleep_data():
    estimate = t_mean(SLEEP)
    assert estimate.value == pytest.approx(1.58)
    assert (estimate.low, estimate.high) == pytest.approx((0.7001142, 2.4598858))
    assert estimate.p_value == pytest.approx(0.00283289)


def test_t_mean_of_equal_values_has_p_value_zero_or_one():
    assert t_mean([0.5, 0.5, 0.5]).p_value == 0.0
    assert t_mean([0.0, 0.0]).p_value == 1.0


@pytest.mark.parametrize(("correct", "count"), [(8, 10), (0, 7), (4463, 5000), (5, 5)])
def test_wilson_interval_equals_statsmodels(correct, count):
    expected = proportion_confint(correct, count, method="wilson")
    assert wilson_interval(correct, count) == pytest.approx(expected, abs=1e-12)


def test_share_correct_of_one_run_has_the_wilson_interval():
    share, low, high = share_correct(np.array([[True] * 8 + [False] * 2]))
    assert (share, round(low, 4), round(high, 4)) == (0.8, 0.4902, 0.9433)


def test_share_correct_of_several_runs_has_the_bootstrap_interval_within_its_limits():
    correct = np.random.default_rng(0).random((3, 200)) < np.array([[0.99], [0.9], [0.98]])
    estimate = bootstrap_mean(correct.astype(np.int8))
    assert share_correct(correct) == (estimate.value, estimate.low, 1.0)
    assert estimate.high > 1


def test_mcnemar_by_hand():
    # One review is correct only with the first model, five only with the second: 2 (C(6,0) + C(6,1)) / 2^6.
    first = np.array([1, 0, 0, 0, 0, 0, 1, 1, 0], bool)
    second = np.array([0, 1, 1, 1, 1, 1, 1, 1, 0], bool)
    assert mcnemar(first, second) == pytest.approx(14 / 64)
    assert mcnemar(first, first) == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
@settings(deadline=None)
def test_mcnemar_equals_statsmodels(pairs):
    first, second = np.array(pairs, bool).T
    counts = [[int((a & b).sum()) for b in (second, ~second)] for a in (first, ~first)]
    assert mcnemar(first, second) == pytest.approx(reference_mcnemar(counts, exact=True).pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_holm_equals_statsmodels(p_values):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda: 0)  # every call of multipletests collects garbage for 0.1 s
        expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(expected)


def test_holm_counts_missing_tests_of_the_family_as_the_largest():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, 0.005], family=4) == pytest.approx([0.03, 0.02])


def test_letters_by_hand():
    # a-c, a-d and b-d differ: a and b share a letter, b and c another, c and d a third.
    assert compact_letters("abcd", [("a", "c"), ("a", "d"), ("b", "d")]) == {"a": "a", "b": "ab", "c": "bc", "d": "c"}
    assert compact_letters("xyz", []) == {"x": "a", "y": "a", "z": "a"}
    assert compact_letters("xyz", itertools.combinations("xyz", 2)) == {"x": "a", "y": "b", "z": "c"}


@given(st.sets(st.sampled_from(list(itertools.combinations("abcdefg", 2)))))
@settings(max_examples=100, deadline=None)
def test_two_names_share_a_letter_exactly_if_they_do_not_differ(different):
    letters = compact_letters("abcdefg", different)
    assert all(letters.values())
    for first, second in itertools.combinations("abcdefg", 2):
        assert bool(set(letters[first]) & set(letters[second])) == ((first, second) not in different)


def test_interval_without_variation_between_seeds_is_that_of_the_reviews():
    random = np.random.default_rng(0)
    differences = random.choice([-1, 0, 1], size=4000, p=[0.03, 0.9, 0.07])
    estimate = bootstrap_mean(np.stack([differences] * 3))
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    assert estimate.value == pytest.approx(differences.mean())
    assert estimate.high - estimate.value == pytest.approx(1.96 * error, rel=0.05)


def test_interval_with_large_variation_between_seeds_is_that_of_student():
    random = np.random.default_rng(0)
    by_seed = [0.02, 0.10, 0.18, 0.07]
    scores = (random.random((4, 20_000)) < np.array(by_seed)[:, None]).astype(np.int8)
    estimate, expected = bootstrap_mean(scores), scipy.stats.ttest_1samp(scores.mean(axis=1), 0)
    low, high = expected.confidence_interval(0.95)
    assert estimate.high - estimate.low == pytest.approx(high - low, rel=0.05)
    assert estimate.p_value == pytest.approx(expected.pvalue, rel=0.15)


def test_identical_variants_do_not_differ():
    estimate = bootstrap_mean(np.zeros((3, 100), np.int8))
    assert (estimate.value, estimate.low, estimate.high, estimate.p_value) == (0, 0, 0, 1)


def test_equal_scores_give_equal_estimates_in_any_order_of_reviews():
    scores = np.random.default_rng(1).integers(-1, 2, (3, 500))
    assert bootstrap_mean(scores) == bootstrap_mean(scores)
    assert bootstrap_mean(scores) == bootstrap_mean(scores[:, ::-1])


def draw_study(random, variants, seeds, reviews, *, seed_std, variant_std):
    """Draw correctness (variants, seeds, reviews) of variants with equal accuracy over all reviews and seeds."""
    difficulty = random.normal(1.5, 1.2, reviews)
    per_variant = random.normal(0, variant_std, (variants, 1, reviews))
    per_seed = random.normal(0, seed_std, (variants, seeds, 1))
    noise = random.normal(0, 0.5, (variants, seeds, reviews))
    return (difficulty + per_variant + per_seed + noise > 0).astype(np.int8)


def false_alarm_rate(studies, *, variants, seeds, reviews, **stds):
    """Return the share of studies without differences in which any pair is significant."""
    random = np.random.default_rng(20261122)
    alarms = 0
    for _ in range(studies):
        study = draw_study(random, variants, seeds, reviews, **stds)
        p_values = [bootstrap_mean(one - other).p_value for one, other in itertools.combinations(study, 2)]
        alarms += min(holm(p_values)) < LEVEL
    return alarms / studies


def largest_rate(studies):
    """Return the rate that a true rate of 5 % exceeds with probability 0.001."""
    return scipy.stats.binom.ppf(0.999, studies, LEVEL) / studies


def test_false_alarm_rate_is_near_five_percent():
    # At least 2 %: a bootstrap that counts the interaction of runs and reviews twice gives 1 %.
    rate = false_alarm_rate(300, variants=2, seeds=3, reviews=500, seed_std=0.05, variant_std=0.1)
    assert 0.02 < rate <= largest_rate(300)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 10])
@pytest.mark.parametrize(("seed_std", "variant_std"), [(0.0, 0.0), (0.0, 0.5), (0.1, 0.0)])
def test_false_alarm_rate_for_every_source_of_variation(seeds, seed_std, variant_std):
    stds = {"seed_std": seed_std, "variant_std": variant_std}
    assert false_alarm_rate(1000, variants=2, seeds=seeds, reviews=1000, **stds) <= largest_rate(1000)


@pytest.mark.slow
def test_family_wise_false_alarm_rate_of_all_pairs():
    rate = false_alarm_rate(1000, variants=4, seeds=3, reviews=1000, seed_std=0.05, variant_std=0.1)
    assert rate <= largest_rate(1000)


def test_power_and_coverage_for_a_true_difference():
    random, studies = np.random.default_rng(3), 60
    covered = significant = 0
    for _ in range(studies):
        per_seed = random.normal(0, 0.003, (2, 5, 1))
        correct = (random.random((2, 5, 2000)) < np.array([0.92, 0.89])[:, None, None] + per_seed).astype(np.int8)
        estimate = bootstrap_mean(correct[0] - correct[1])
        covered += estimate.low <= 0.03 <= estimate.high
        significant += estimate.p_value < LEVEL
    assert covered / studies >= 0.9
    assert significant / studies >= 0.9
