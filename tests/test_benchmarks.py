import json

import pytest

from benchmarks import report, results
from benchmarks.flops_utilization import flops_per_review, flops_per_token
from benchmarks.time_to_accuracy import extrapolated


def measured(ratios, targets=()):
    values = results.Values()
    for value in (1.0, 2.0, 4.0):
        values.add("lstm", "ours", "tokens/s", value)
    return {**values.measured(ratios, targets), "measured": "2026-01-02T03:04+00:00", "size": "full"}


@pytest.mark.parametrize(
    ("ours", "peer", "higher", "expected"),
    [(10, 5, True, 2), (10, 5, False, 0.5), (None, 5, True, None), (5, None, False, None)],
)
def test_a_ratio_says_how_many_times_better_ours_is(ours, peer, higher, expected):
    assert results.ratio(ours, peer, higher_is_better=higher) == expected


def test_medians_and_spread_come_from_all_values():
    found = measured({})
    assert found["medians"] == {"lstm / ours (tokens/s)": 2.0}
    assert found["raw"] == {"lstm / ours (tokens/s)": [1.0, 2.0, 4.0]}
    assert results.spread([1.0, 2.0, 4.0]) == 1.5


def test_targets_are_met_from_their_limit_on_and_never_by_nothing():
    assert results.at_least("speed", 2.0, 2.0)["met"]
    assert not results.at_least("speed", 1.99, 2.0)["met"]
    assert results.at_most("time", 8.0, 8.0)["met"]
    assert not results.at_most("time", 8.01, 8.0)["met"]
    assert not results.at_least("speed", None, 2.0)["met"]
    assert not results.at_most("time", None, 8.0)["met"]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power):
    sizes = [50, 100, 200, 400, 800]
    assert results.exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power, abs=1e-9)


def test_an_exponent_needs_two_sizes():
    with pytest.raises(ValueError, match="two different sizes"):
        results.exponent([5, 5], [1.0, 2.0])


def test_a_ratio_fell_beyond_the_limit_only():
    before = {"text": measured({"a": 2.0, "b": 2.0, "c": 2.0, "d": None, "e": 2.0}), "machine": {"cpu": "x"}}
    now = {"text": measured({"a": 1.71, "b": 1.69, "c": 4.0, "d": 1.0, "e": None}), "machine": {"cpu": "x"}}
    assert [line.partition(":")[0] for line in results.fallen(before, now)] == ["text, b"]
    assert len(results.compared(before, now)) == 3
    assert results.left_out(before, now) == ["text, e"]


def test_measures_that_only_one_side_has_are_not_compared():
    assert results.compared({"text": measured({"a": 2.0})}, {"growth": measured({"a": 1.0})}) == []


def test_storing_one_measure_leaves_the_others(tmp_path):
    path = tmp_path / "made" / "RESULTS.json"
    results.store(path, {"text": measured({"a": 2.0})})
    results.store(path, {"growth": measured({})})
    whole = results.store(path, {"text": measured({"a": 3.0})})
    assert json.loads(path.read_text()) == whole
    assert whole["text"]["ratios"] == {"a": 3.0}
    assert set(whole) == {"text", "growth"}


ABOUT = {"text": ("Text", "What is measured."), "growth": ("Growth", "Not measured yet.")}


def test_the_page_shows_what_was_missed():
    targets = [
        results.at_most("cold", 9.0, 8, "s"),
        results.at_most("warm", 0.2, 0.3, "s"),
        results.at_most("x", None, 1),
    ]
    page = report.page({"text": measured({"vs peer": 1.5, "vs other": None}, targets)}, ABOUT)
    assert "| Text | cold | at most 8 s | 9 s | **missed** |" in page
    assert "| Text | warm | at most 0.3 s | 0.2 s | met |" in page
    assert "| Text | x | at most 1 | not measured | **not measured** |" in page


def test_the_page_has_a_table_for_each_unit_and_sections_of_what_was_measured():
    page = report.page({"text": measured({"vs peer": 1.5, "vs other": None})}, ABOUT)
    assert "| tokens/s | ours |" in page
    assert "| lstm | 2 (150%) |" in page
    assert "| vs peer | 1.5 |" in page
    assert "| vs other | - |" in page
    assert "## Growth" not in page


@pytest.mark.parametrize(("value", "shown"), [(0.0123, "0.0123"), (12.34, "12.3"), (456.7, "457"), (12345.6, "12,346")])
def test_numbers_have_three_digits(value, shown):
    assert report.number(value) == shown


def test_operations_follow_the_formula():
    settings = {"cell": "lstm", "units": [64], "bidirectional": False, "embedding_size": 64}
    assert flops_per_token(settings) == 3 * 2 * 4 * 64 * 128
    assert flops_per_token({**settings, "bidirectional": True}) == 2 * flops_per_token(settings)
    assert flops_per_token({**settings, "units": [64, 64]}) == 2 * flops_per_token(settings)
    assert flops_per_token({**settings, "cell": "gru"}) == 0.75 * flops_per_token(settings)
    # The second layer reads both directions of the first.
    stacked = {**settings, "units": [64, 64], "bidirectional": True}
    assert flops_per_token(stacked) == 3 * 2 * 4 * 64 * 2 * (128 + 192)
    assert flops_per_review({**settings, "bidirectional": True}) == 3 * 2 * 128


def test_the_recipe_is_extrapolated_from_its_second_epoch():
    # 5 s of preparation and tracing, then 2 s for each of 10 steps; the whole recipe has 4 x 100 of them.
    answer = {"epochs": [{"seconds": 25.0}, {"seconds": 45.0}], "batches": 100}
    assert extrapolated(answer, 10) == 5 + 2 * 400
