import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import bits, report, reproduction, results
from benchmarks.__main__ import MEASURES, _about
from benchmarks.faults.kills import SWEEPS
from benchmarks.faults.report import Scenario, write_report
from benchmarks.flops_utilization import flops_per_review, flops_per_token
from benchmarks.time_to_accuracy import extrapolated
from sentiment_lab.config.compose import compose_config

STORED = Path(results.__file__).parent / "RESULTS.json"


def measured(ratios, targets=()):
    values = results.Values()
    for value in (1.0, 2.0, 4.0):
        values.add("lstm", "ours", "tokens/s", value)
    return {**values.measured(ratios, targets), "measured": "2026-01-02T03:04+00:00", "size": "full"}


@pytest.mark.parametrize(
    ("ours", "peer", "higher", "expected"),
    [(10, 5, True, 2), (10, 5, False, 0.5), (None, 5, True, None), (5, None, False, None)],
)
def test_a_ratio_is_the_factor_by_which_ours_is_better(ours, peer, higher, expected):
    assert results.ratio(ours, peer, higher_is_better=higher) == expected


def test_medians_and_range_are_computed_from_all_values():
    measure = measured({})
    assert measure["medians"] == {"lstm / ours (tokens/s)": 2.0}
    assert measure["raw"] == {"lstm / ours (tokens/s)": [1.0, 2.0, 4.0]}
    assert results.relative_range([1.0, 2.0, 4.0]) == 1.5


def test_a_target_is_met_at_its_limit_and_never_without_a_value():
    assert results.at_least("speed", 2.0, 2.0)["met"]
    assert not results.at_least("speed", 1.99, 2.0)["met"]
    assert results.at_most("time", 8.0, 8.0)["met"]
    assert not results.at_most("time", 8.01, 8.0)["met"]
    assert not results.at_least("speed", None, 2.0)["met"]
    assert not results.at_most("time", None, 8.0)["met"]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_recovered(power):
    sizes = [50, 100, 200, 400, 800]
    assert results.exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power, abs=1e-9)


def test_an_exponent_needs_two_sizes():
    with pytest.raises(ValueError, match="two different values"):
        results.exponent([5, 5], [1.0, 2.0])


def test_only_a_drop_beyond_the_limit_is_a_regression():
    before = {"text": measured({"a": 2.0, "b": 2.0, "c": 2.0, "d": None, "e": 2.0}), "machine": {"cpu": "x"}}
    now = {"text": measured({"a": 1.71, "b": 1.69, "c": 4.0, "d": 1.0, "e": None}), "machine": {"cpu": "x"}}
    assert [line.partition(":")[0] for line in results.regressions(before, now)] == ["text, b"]
    assert len(results.common_ratios(before, now)) == 3
    assert results.missing_ratios(before, now) == ["text, e"]


def test_measures_of_only_one_side_are_not_compared():
    assert results.common_ratios({"text": measured({"a": 2.0})}, {"growth": measured({"a": 1.0})}) == []


def test_storing_one_measure_keeps_the_others(tmp_path):
    path = tmp_path / "new" / "RESULTS.json"
    results.store(path, {"text": measured({"a": 2.0})})
    results.store(path, {"growth": measured({})})
    stored = results.store(path, {"text": measured({"a": 3.0})})
    assert json.loads(path.read_text()) == stored
    assert stored["text"]["ratios"] == {"a": 3.0}
    assert set(stored) == {"text", "growth"}


def test_results_under_the_earlier_name_of_a_measure_are_still_compared(tmp_path):
    path = tmp_path / "RESULTS.json"
    path.write_text(json.dumps({"machine_share": measured({"a": 2.0})}))
    now = {"flops_utilization": measured({"a": 1.0})}
    assert len(results.regressions(results.load(path), now)) == 1


def test_the_stored_results_name_measures_that_exist():
    assert set(results.load(STORED)) == {"machine", *MEASURES}


def test_the_stored_page_is_the_one_that_the_code_generates():
    page = report.page(results.load(STORED), _about())
    assert STORED.with_suffix(".md").read_text(encoding="utf-8") == page


ABOUT = {"text": ("Text", "What is measured."), "growth": ("Growth", "Not measured yet.")}


def test_the_page_marks_missed_targets():
    targets = [
        results.at_most("cold", 9.0, 8, "s"),
        results.at_most("warm", 0.2, 0.3, "s"),
        results.at_most("x", None, 1),
    ]
    page = report.page({"text": measured({"vs peer": 1.5, "vs other": None}, targets)}, ABOUT)
    assert "| Text | cold | at most 8 s | 9 s | **missed** |" in page
    assert "| Text | warm | at most 0.3 s | 0.2 s | met |" in page
    assert "| Text | x | at most 1 | not measured | **not measured** |" in page


def test_the_page_has_a_table_per_unit_and_sections_only_for_stored_measures():
    page = report.page({"text": measured({"vs peer": 1.5, "vs other": None})}, ABOUT)
    assert "| tokens/s | ours |" in page
    assert "| lstm | 2 (150%) |" in page
    assert "| vs peer | 1.5 |" in page
    assert "| vs other | - |" in page
    assert "## Growth" not in page


@pytest.mark.parametrize(("value", "shown"), [(0.0123, "0.0123"), (12.34, "12.3"), (456.7, "457"), (12345.6, "12,346")])
def test_numbers_have_three_significant_digits(value, shown):
    assert report.number(value) == shown


def test_flops_follow_the_formula():
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
    # 5 s of preparation and tracing, then 2 s for each of 10 steps; the complete recipe has 4 x 100 steps.
    response = {"epochs": [{"seconds": 25.0}, {"seconds": 45.0}], "batches": 100}
    assert extrapolated(response, 10) == 5 + 2 * 400


def test_the_fault_report_counts_cases_and_lists_failures(tmp_path):
    scenario = Scenario("kills", "SIGKILL on a sweep", seconds=90)
    scenario.add_result("sweep 0", [], 4)
    scenario.add_result("sweep 1", ["exit code 1", "x" * 1_000], 2)
    write_report([scenario], tmp_path / "FAULTS.md")
    lines = (tmp_path / "FAULTS.md").read_text(encoding="utf-8").splitlines()
    assert "| SIGKILL on a sweep | 6 | 4 | 1.5 |" in lines
    assert "- kills: sweep 1: exit code 1" in lines


@pytest.mark.parametrize("arguments", SWEEPS.values(), ids=SWEEPS)
def test_the_sweeps_that_are_killed_have_valid_settings(arguments):
    overrides = [argument.partition(",")[0] for argument in arguments if argument != "-m"]
    compose_config(overrides)


@pytest.mark.slow
def test_invalid_command_lines_are_refused_with_a_clear_message():
    # At least one case of each kind of mistake, forked from a process without other threads.
    options = ["--count", "60", "--seed", "1", "--max-seconds", "inf"]
    command = [sys.executable, "-m", "benchmarks.faults.malformed", *options]
    done = subprocess.run(command, cwd=STORED.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def test_an_operation_differs_if_equal_inputs_give_other_outputs():
    expected = [("MatMul", "a", "b"), ("Tanh", "b", "c"), ("Sum", "c", "d")]
    actual = [("MatMul", "a", "x"), ("Tanh", "x", "y"), ("Sum", "c", "z")]
    assert bits.differing(expected, actual) == ["MatMul", "Sum"]
    assert bits.describe({"trace": expected, "weights": "1"}, {"trace": actual, "weights": "2"}) == "MatMul, Sum"
    assert bits.describe({"trace": expected, "weights": "1"}, {"trace": expected, "weights": "2"}) == "weights"
    assert bits.describe({"trace": expected, "weights": "1"}, {"trace": expected, "weights": "1"}) == "equal"


def test_the_page_of_bits_has_a_row_for_each_case_and_a_column_for_each_setting():
    found = {name: {"gru 64": "MatMul", "word vectors": "equal"} for name in (bits.DEFAULT, bits.PORTABLE)}
    page = bits.page(found, {"gru 64": (10.0, 15.0)})
    assert f"| | {bits.DEFAULT} | {bits.PORTABLE} |" in page
    assert "| gru 64 | MatMul | MatMul |" in page
    assert "| gru 64 | 10.0 ms | 15.0 ms | 1.50 |" in page


def test_published_seeds_are_seldom_diverged_and_another_processor_never_is():
    verdicts = reproduction.published_verdicts("imdb", "recurrent", known=3)
    assert len(verdicts) >= 130
    assert verdicts.count("diverged") / len(verdicts) <= 0.05
    on_two = reproduction.two_processors()
    assert len(on_two) >= 5
    assert "diverged" not in {verdict for _, _, verdict in on_two}


def test_a_shifted_training_curve_is_diverged():
    curves = {(epoch, f"train_{name}"): 0.5 for epoch in (1, 2) for name in ("loss", "accuracy")}
    original = {**curves, (0, "test_accuracy"): 0.9, (0, "test_loss"): 0.3}
    others = [{number: value + shift for number, value in original.items()} for shift in (-0.02, -0.01, 0.01, 0.02)]
    assert reproduction.verdict(original, others[3], others[:3], []) == "statistically equivalent"
    shifted = {**original, (2, "train_loss"): 0.7}
    assert reproduction.verdict(original, shifted, others, []) == "diverged"
