"""The statistics against published examples, other libraries, and studies in which nothing differs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sentiment_lab.analysis.statistics import bootstrap_mean, compact_letters, holm, mcnemar, t_mean, wilson_interval

SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
"""Hours of sleep gained by drug 2 over drug 1 (Cushny and Peebles 1905), the example of Student (1908)."""
WRONG_RATE = 0.05


def test_t_mean_gives_the_published_figures_of_the_sleep_data():
    estimate = t_mean(SLEEP)
    assert estimate.value == pytest.approx(1.58)
    assert (estimate.low, estimate.high) == pytest.approx((0.7001142, 2.4598858))
    assert estimate.p_value == pytest.approx(0.00283289)


def test_t_mean_of_equal_values_is_certain():
    assert t_mean([0.5, 0.5, 0.5]).p_value == 0.0
    assert t_mean([0.0, 0.0]).p_value == 1.0


@pytest.mark.parametrize(("right", "of"), [(8, 10), (0, 7), (4463, 5000), (5, 5)])
def test_wilson_is_that_of_statsmodels(right, of):
    assert wilson_interval(right, of) == pytest.approx(proportion_confint(right, of, method="wilson"), abs=1e-12)


def test_mcnemar_by_hand():
    # One review is right with the first alone, five with the second alone: 2 (C(6,0) + C(6,1)) / 2^6.
    first = np.array([1, 0, 0, 0, 0, 0, 1, 1, 0], bool)
    second = np.array([0, 1, 1, 1, 1, 1, 1, 1, 0], bool)
    assert mcnemar(first, second) == pytest.approx(14 / 64)
    assert mcnemar(first, first) == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
@settings(deadline=None)
def test_mcnemar_is_that_of_statsmodels(pairs):
    first, second = np.array(pairs, bool).T
    counts = [[int((a & b).sum()) for b in (second, ~second)] for a in (first, ~first)]
    assert mcnemar(first, second) == pytest.approx(reference_mcnemar(counts, exact=True).pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)  # statsmodels takes a second to import
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_counts_the_tests_that_are_not_given_as_the_larger_ones():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, 0.005], family=4) == pytest.approx([0.03, 0.02])


def test_letters_by_hand():
    # a-c, a-d and b-d differ: a and b share a letter, b and c another, c and d a third.
    assert compact_letters("abcd", [("a", "c"), ("a", "d"), ("b", "d")]) == {"a": "a", "b": "ab", "c": "bc", "d": "c"}
    assert compact_letters("xyz", []) == {"x": "a", "y": "a", "z": "a"}
    assert compact_letters("xyz", itertools.combinations("xyz", 2)) == {"x": "a", "y": "b", "z": "c"}


@given(st.sets(st.sampled_from(list(itertools.combinations("abcdefg", 2)))))
@settings(max_examples=200)
def test_two_names_share_a_letter_exactly_where_they_are_not_told_apart(different):
    letters = compact_letters("abcdefg", different)
    assert all(letters.values())
    for first, second in itertools.combinations("abcdefg", 2):
        assert bool(set(letters[first]) & set(letters[second])) == ((first, second) not in different)


def test_without_chance_between_seeds_the_interval_is_that_of_the_reviews():
    random = np.random.default_rng(0)
    differences = random.choice([-1, 0, 1], size=4000, p=[0.03, 0.9, 0.07])
    estimate = bootstrap_mean(np.stack([differences] * 3))
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    assert estimate.value == pytest.approx(differences.mean())
    assert estimate.high - estimate.value == pytest.approx(1.96 * error, rel=0.05)


def test_where_the_seeds_differ_much_the_interval_is_that_of_student():
    random = np.random.default_rng(0)
    by_seed = [0.02, 0.10, 0.18, 0.07]
    scores = (random.random((4, 20_000)) < np.array(by_seed)[:, None]).astype(np.int8)
    estimate, expected = bootstrap_mean(scores), scipy.stats.ttest_1samp(scores.mean(axis=1), 0)
    low, high = expected.confidence_interval(0.95)
    assert estimate.high - estimate.low == pytest.approx(high - low, rel=0.05)
    assert estimate.p_value == pytest.approx(expected.pvalue, rel=0.15)


def test_variants_that_are_one_are_not_told_apart():
    estimate = bootstrap_mean(np.zeros((3, 100), np.int8))
    assert (estimate.value, estimate.low, estimate.high, estimate.p_value) == (0, 0, 0, 1)


def test_the_same_scores_give_the_same_estimate():
    scores = np.random.default_rng(1).integers(-1, 2, (3, 500))
    assert bootstrap_mean(scores) == bootstrap_mean(scores)
    assert bootstrap_mean(scores) == bootstrap_mean(scores[:, ::-1])


def draw_study(random, variants, seeds, reviews, *, between_seeds, of_variants):
    """Draw right answers (variants, seeds, reviews) of variants that are equally good over all reviews and seeds."""
    difficulty = random.normal(1.5, 1.2, reviews)
    taste = random.normal(0, of_variants, (variants, 1, reviews))
    luck = random.normal(0, between_seeds, (variants, seeds, 1))
    noise = random.normal(0, 0.5, (variants, seeds, reviews))
    return (difficulty + taste + luck + noise > 0).astype(np.int8)


def false_alarms(studies, *, variants, seeds, reviews, **spreads):
    """Return the share of studies in which any pair is told apart, which none should be."""
    random = np.random.default_rng(20261122)
    alarms = 0
    for _ in range(studies):
        study = draw_study(random, variants, seeds, reviews, **spreads)
        p_values = [bootstrap_mean(one - other).p_value for one, other in itertools.combinations(study, 2)]
        alarms += min(holm(p_values)) < WRONG_RATE
    return alarms / studies


def most(studies):
    """Return the share of alarms that chance alone exceeds once in a thousand times, where it is 5 %."""
    return scipy.stats.binom.ppf(0.999, studies, WRONG_RATE) / studies


def test_where_nothing_differs_one_study_in_twenty_gives_an_alarm():
    rate = false_alarms(1000, variants=2, seeds=3, reviews=500, between_seeds=0.05, of_variants=0.1)
    assert 0.02 < rate <= most(1000)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 10])
@pytest.mark.parametrize(("between_seeds", "of_variants"), [(0.0, 0.0), (0.0, 0.5), (0.1, 0.0)])
def test_false_alarms_stay_at_five_percent_whatever_varies(seeds, between_seeds, of_variants):
    spreads = {"between_seeds": between_seeds, "of_variants": of_variants}
    assert false_alarms(1000, variants=2, seeds=seeds, reviews=1000, **spreads) <= most(1000)


@pytest.mark.slow
def test_false_alarms_stay_at_five_percent_among_all_pairs_of_a_study():
    assert false_alarms(1000, variants=4, seeds=3, reviews=1000, between_seeds=0.05, of_variants=0.1) <= most(1000)


def test_a_true_difference_is_found_and_its_interval_holds_it():
    random = np.random.default_rng(3)
    held = found = 0
    for _ in range(200):
        luck = random.normal(0, 0.003, (2, 5, 1))
        right = (random.random((2, 5, 2000)) < np.array([0.92, 0.89])[:, None, None] + luck).astype(np.int8)
        estimate = bootstrap_mean(right[0] - right[1])
        held += estimate.low <= 0.03 <= estimate.high
        found += estimate.p_value < WRONG_RATE
    assert held / 200 >= 0.9
    assert found / 200 >= 0.9
