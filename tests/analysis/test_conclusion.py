"""The conclusion of a study: what holds, what more seeds would decide, and what a reproduction contradicts."""

from __future__ import annotations

import pytest
from scipy import stats

from sentiment_lab.analysis.conclusion import check_conclusion


def study(**means):
    """Return accuracies of five seeds around each mean; differences between variants vary by 0.001."""
    offsets = (-0.002, -0.001, 0.0, 0.001, 0.002)
    return {
        name: {seed: mean + offset + 0.0005 * (-1) ** (seed + index) for seed, offset in enumerate(offsets)}
        for index, (name, mean) in enumerate(means.items())
    }


def test_the_same_numbers_hold():
    conclusion = check_conclusion(study(lstm=0.90, gru=0.88, rnn=0.8795), study(lstm=0.90, gru=0.88, rnn=0.8795))
    assert conclusion.state == "holds"
    assert conclusion.kendall_tau == 1
    assert [pair.original.significant for pair in conclusion.pairs] == [True, True, False]
    assert conclusion.sentence.startswith("the conclusion holds: 3 of 3 pairs have the same sign and significance")


def test_p_values_are_those_of_the_paired_t_test_adjusted_by_holm():
    original = study(lstm=0.90, gru=0.8995, rnn=0.8)
    (close, *_) = check_conclusion(original, original).pairs
    expected = stats.ttest_rel([*original["lstm"].values()], [*original["gru"].values()]).pvalue
    assert close.original.difference.p_value == pytest.approx(expected)
    assert close.original.p_adjusted == pytest.approx(expected)  # the largest of the three


@pytest.mark.parametrize(
    ("again", "state"),
    [
        ({"lstm": 0.88, "gru": 0.90}, "does not hold"),  # significant with the other sign
        ({"lstm": 0.90, "gru": 0.8995}, "does not hold"),  # not significant, and the interval of gru lies elsewhere
        ({"lstm": 0.93, "gru": 0.91}, "does not hold"),  # the difference holds, both accuracies do not
    ],
)
def test_a_contradiction_does_not_hold(again, state):
    assert check_conclusion(study(lstm=0.90, gru=0.88), study(**again)).state == state


def test_a_new_significant_difference_is_a_contradiction():
    conclusion = check_conclusion(study(lstm=0.90, gru=0.8999), study(lstm=0.9015, gru=0.8985))
    assert [pair.state for pair in conclusion.pairs] == ["does not hold"]
    assert "another significance or sign (lstm and gru)" in conclusion.sentence


def test_too_few_seeds_leave_it_undecided():
    again = {name: {0: accuracies[0]} for name, accuracies in study(lstm=0.90, gru=0.88).items()}
    conclusion = check_conclusion(study(lstm=0.90, gru=0.88), again)
    assert conclusion.state == "undecided"
    (pair,) = conclusion.pairs
    assert (pair.again.p_adjusted, pair.again.seeds) == (None, 1)
    assert "more seeds would decide (lstm and gru)" in conclusion.sentence
    assert "intervals overlap for 0 of 0 variants" in conclusion.sentence
