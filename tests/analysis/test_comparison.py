"""Comparisons of runs with known predictions: grouping, pairs, verdicts, refusals, and all output formats."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.synthetic import begin, with_seed, write_run
from sentiment_lab.analysis.comparison import ComparisonError, compare
from sentiment_lab.analysis.export import to_csv, to_latex, to_markdown, to_plain
from sentiment_lab.analysis.selection import select_hashes, select_study
from sentiment_lab.analysis.statistics import bootstrap_mean, t_mean
from sentiment_lab.analysis.variants import group_runs
from sentiment_lab.analysis.verdict import caveats, verdict
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import checksummed_json, read_checksummed
from sentiment_lab.config.identity import variant_hash
from sentiment_lab.runs.folder import RunError
from sentiment_lab.tracking.run_mirror import final_metrics
from sentiment_lab.training.scores import SCORES, ScoreFunction
from tests.analysis.studies import LABELS, config, probabilities, run_main, selected, write_runs

STUDY = "study.name=which cell"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three runs each of a good gru and a bad lstm, and an interrupted bilstm; for tests that only read them."""
    root = tmp_path_factory.mktemp("study")
    for cell, accuracy in (("gru", 0.9), ("lstm", 0.6)):
        write_runs(root, accuracy, (1, 2, 3), f"model={cell}", STUDY)
    begin(config(root, "model=bilstm", STUDY))
    return root


@pytest.fixture
def own_study(study, tmp_path):
    """A copy of the study, for tests that change it."""
    shutil.copytree(study, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_row_has_mean_standard_deviation_and_interval_over_its_runs(study):
    comparison = compare(selected(study))
    gru, lstm = comparison.rows
    assert (gru.label, lstm.label) == ("gru", "lstm")
    assert comparison.columns == ["model"]
    assert gru.variant.seeds == [1, 2, 3]
    correct = np.stack([(probabilities(0.9, seed) > 0.5) == (LABELS == 1) for seed in (1, 2, 3)])
    accuracy = gru.metrics["test_accuracy"]
    assert accuracy.mean == pytest.approx(correct.mean())
    assert accuracy.std == pytest.approx(correct.mean(axis=1).std(ddof=1))
    assert accuracy.low == pytest.approx(bootstrap_mean(correct.astype(np.int8)).low)
    losses = [run.outcome.test.loss for run in gru.variant.runs.values()]
    assert gru.metrics["test_loss"].high == pytest.approx(t_mean(losses).high)


def test_a_large_difference_is_significant(study):
    comparison = compare(selected(study))
    (pair,) = comparison.pairs
    assert (pair.first, pair.second, pair.blocks) == ("gru", "lstm", ["seed=1", "seed=2", "seed=3"])
    assert pair.difference.low > 0.2
    assert pair.significant
    assert max(pair.mcnemar.values()) < 1e-6
    assert [row.letters for row in comparison.rows] == ["a", "b"]
    text = verdict(comparison)
    assert text.startswith("gru has the best test accuracy: ")
    assert f"adjusted p = {pair.p_adjusted:.2g}, better than lstm." in text


def test_variants_without_significant_difference_share_a_letter(tmp_path):
    for cell, shift in (("gru", 0), ("lstm", 10)):
        base = config(tmp_path, f"model={cell}")
        for seed in (1, 2, 3):
            write_run(with_seed(base, seed), probabilities(0.8, shift + seed), LABELS)
    comparison = compare(selected(tmp_path))
    assert [row.letters for row in comparison.rows] == ["a", "a"]
    assert "No significant difference from" in verdict(comparison)


def test_intervals_stay_within_the_range_of_a_metric(tmp_path):
    for seed, accuracy in ((1, 0.99), (2, 0.6)):
        write_runs(tmp_path, accuracy, [seed])
    (row,) = compare(selected(tmp_path)).rows
    for name in ("test_accuracy", "test_f1", "test_roc_auc", "test_ece", "best_validation_accuracy"):
        assert 0 <= row.metrics[name].low <= row.metrics[name].high <= 1
    assert row.metrics["test_f1"].high == 1
    assert row.metrics["test_loss"].low == 0


def test_a_difference_significant_only_before_adjustment_is_reported_so(tmp_path):
    accuracies = {"gru": (0.97, 0.98, 0.97), "simple_rnn": (0.72, 0.6, 0.66), "lstm": (0.96, 0.98, 0.97)}
    accuracies |= {"bigru": (0.97, 0.96, 0.98), "bilstm": (0.98, 0.96, 0.97)}
    for cell, shares in accuracies.items():
        base = config(tmp_path, f"model={cell}")
        for seed, share in enumerate(shares, 1):
            correct = np.arange(len(LABELS)) < share * len(LABELS)
            write_run(with_seed(base, seed), np.where(correct == LABELS, 0.8, 0.3), LABELS)
    comparison = compare(selected(tmp_path))
    best = comparison.best.label
    (pair,) = (pair for pair in comparison.pairs if (pair.first, pair.second) == (best, "simple_rnn"))
    assert pair.difference.p_value < 0.05 <= pair.p_adjusted
    expected = "The difference from simple_rnn is significant only before adjusting for 10 pairs (adjusted p up to "
    assert f"{expected}{pair.p_adjusted:.2g}); more seeds would decide." in verdict(comparison)


def test_an_unfinished_run_is_listed_and_excluded(study):
    comparison = compare(selected(study))
    assert [run.state for run in comparison.unfinished] == ["interrupted"]
    assert [row.label for row in comparison.rows] == ["gru", "lstm"]
    assert any("is interrupted: excluded from the comparison" in caveat for caveat in caveats(comparison))


def test_a_single_seed_is_not_testable(own_study):
    write_run(config(own_study, "model=simple_rnn", STUDY), probabilities(0.95, 1), LABELS)
    comparison = compare(selected(own_study))
    assert comparison.best.label == "simple_rnn"
    assert [row.letters for row in comparison.rows] == ["", "a", "b"]
    assert (
        "Not testable against gru and lstm: at least two common seeds, tested on the same reviews, are needed."
        in verdict(comparison)
    )
    caveat = next(caveat for caveat in caveats(comparison) if caveat.startswith("one run of simple_rnn: "))
    assert "differences from it are not tested" in caveat
    alone = comparison.rows[0].metrics["test_accuracy"]
    assert alone.std is None
    assert alone.low < alone.mean < alone.high  # the interval is over reviews


def test_only_settings_that_differ_are_columns(tmp_path):
    for overrides in ((), ("training.batch_size=64",), ("training.batch_size=64", "model.units=[32]")):
        write_runs(tmp_path, 0.8, [1], *overrides)
    comparison = compare(selected(tmp_path))
    assert sorted(comparison.columns) == ["model.units", "training.batch_size"]
    assert {row.label for row in comparison.rows} >= {"units=[32] batch_size=64"}


def test_a_single_variant_is_named_by_its_architecture(study):
    runs = [run for run in selected(study).runs if run.config["model.cell"] == "gru"]
    assert [variant.label for variant in group_runs(runs)] == ["gru"]
    assert [variant.label for variant in group_runs(runs, ["text"])] == ["all runs"]


def test_a_tuned_setting_is_in_labels_only_where_they_are_ambiguous(tmp_path):
    rate = "optimizer.learning_rate"
    for cell, value in {"gru": "1e-3", "lstm": "1e-2"}.items():
        write_runs(tmp_path, 0.8, (1, 2), f"model={cell}", f"{rate}={value}")
    runs = selected(tmp_path).runs
    settings = {variant.label: variant.settings for variant in group_runs(runs, tuned={rate})}
    assert settings == {"gru": {"model": "gru", rate: 0.001}, "lstm": {"model": "lstm", rate: 0.01}}
    assert [variant.label for variant in group_runs(runs)] == ["gru learning_rate=0.001", "lstm learning_rate=0.01"]
    by_cell = group_runs(runs, ["model"], tuned={rate})
    assert [list(variant.runs) for variant in by_cell] == [["seed=1", "seed=2"]] * 2
    write_runs(tmp_path, 0.8, [1], "model=gru", f"{rate}=1e-2")
    ambiguous = group_runs(selected(tmp_path).runs, ["model"], tuned={rate})
    assert sorted(len(variant.runs) for variant in ambiguous) == [2, 3], "no run of a variant with two values is lost"
    by_rate = group_runs(runs, [rate], tuned={rate})
    assert [variant.label for variant in by_rate] == ["learning_rate=0.001", "learning_rate=0.01"]


def test_architectures_are_named_and_units_added_where_needed(tmp_path):
    for overrides in (["model=gru"], ["model=bilstm", "model.units=[32]"], ["model=stacked_lstm"]):
        write_runs(tmp_path, 0.8, [1], *overrides)
    labels = {row.label for row in compare(selected(tmp_path)).rows}
    assert labels == {"gru units=[64]", "bilstm units=[32]", "stacked_lstm units=[64, 64]"}


def test_linear_models_are_compared_like_networks(own_study):
    base = config(own_study, "model=nb_svm", STUDY)
    for seed in (1, 2, 3):
        write_run(with_seed(base, seed), probabilities(0.8, 5), LABELS)
    comparison = compare(selected(own_study))
    assert [row.label for row in comparison.rows] == ["gru", "nb_svm", "lstm"]
    assert comparison.columns == ["model"]


def test_a_setting_of_linear_models_is_a_column_only_if_one_model_has_two_values(tmp_path):
    for name in ("nb_svm", "tfidf_logistic", "gru"):
        write_runs(tmp_path, 0.8, [1], f"model={name}")
    labels = {variant.label for variant in group_runs(selected(tmp_path).runs)}
    assert labels == {"nb_svm", "tfidf_logistic", "gru"}
    write_runs(tmp_path, 0.8, [1], "model=nb_svm", "model.C=0.5")
    labels = {variant.label for variant in group_runs(selected(tmp_path).runs)}
    assert labels == {"nb_svm C=1.0", "nb_svm C=0.5", "tfidf_logistic C=20.0", "gru"}


def test_grouping_by_one_setting_pairs_runs_that_agree_in_the_others(tmp_path):
    for cell, accuracy in (("gru", 0.9), ("lstm", 0.7)):
        for size in (16, 32):
            base = config(tmp_path, f"model={cell}", f"model.embedding_size={size}")
            write_run(with_seed(base, 4), probabilities(accuracy, size), LABELS)
    comparison = compare(selected(tmp_path), by=["model.cell"])
    assert [(row.label, len(row.variant.runs)) for row in comparison.rows] == [("cell=gru", 2), ("cell=lstm", 2)]
    (pair,) = comparison.pairs
    assert pair.blocks == ["embedding_size=16 seed=4", "embedding_size=32 seed=4"]
    assert pair.significant


def test_rows_are_ranked_by_any_metric_and_unknown_names_get_a_suggestion(study):
    by_loss = compare(selected(study), metric="test_loss")
    assert by_loss.rows[0].label == "gru"
    assert by_loss.pairs[0].difference.value < 0
    assert "lower than lstm" in verdict(by_loss)
    with pytest.raises(LabError, match="no metric 'test_acuracy'; did you mean test_accuracy"):
        compare(selected(study), metric="test_acuracy")
    with pytest.raises(LabError, match="--by modle: no run has that setting; did you mean model"):
        compare(selected(study), by=["modle"])


def test_a_score_added_to_the_table_applies_to_stored_runs(study, monkeypatch, capsys):
    def error_rate(labels, predicted):
        return float(np.mean((predicted > 0.5) != (labels == 1)))

    assert "test_error_rate" not in to_plain(compare(selected(study)))["variants"][0]["metrics"]
    added = ScoreFunction("error_rate", "error rate", error_rate, higher_is_better=False, largest=1, percent=True)
    monkeypatch.setitem(SCORES, "error_rate", added)
    comparison = compare(selected(study), metric="test_error_rate")
    expected = {f"seed={seed}": error_rate(LABELS, probabilities(0.9, seed)) for seed in (1, 2, 3)}
    mean = np.mean(list(expected.values()))
    assert comparison.best.label == "gru"
    assert comparison.best.metrics["test_error_rate"].values == pytest.approx(expected)
    assert comparison.pairs[0].difference.high < 0
    assert to_plain(comparison)["variants"][0]["metrics"]["test_error_rate"]["mean"] == pytest.approx(mean)
    row = next(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert float(row["test_error_rate"]) == pytest.approx(mean)
    assert f"| {100 * mean:.2f} ± " in to_markdown(comparison)
    _, output = run_main(["compare", "--runs", study / "runs", "--store", study, "--metric", "test_error_rate"], capsys)
    assert f"gru has the best error rate: {100 * mean:.2f} % (" in output.out


def test_a_stored_score_has_precedence_over_its_computation(own_study, monkeypatch):
    added = ScoreFunction("constant", "constant", lambda labels, predicted: 0.25)
    monkeypatch.setitem(SCORES, "constant", added)
    base = config(own_study, "model=bigru", STUDY)
    stored = write_run(base, probabilities(0.8, 1), LABELS).result()
    assert final_metrics(stored)["test_constant"] == 0.25, "MLflow gets it too"
    monkeypatch.setitem(SCORES, "constant", replace(added, formula=lambda labels, predicted: 0.75))
    means = {row.label: row.metrics["test_constant"].mean for row in compare(selected(own_study)).rows}
    assert means == {"bigru": 0.25, "gru": 0.75, "lstm": 0.75}


def test_runs_with_other_data_are_compared_only_on_request(own_study):
    other = with_seed(config(own_study, "model=gru", STUDY), 9)
    folder = write_run(other, probabilities(0.9, 9), LABELS, data_hash="f" * 64)
    with pytest.raises(ComparisonError, match=rf"{folder.short_hash} has other data \(ffffffffffff\) .* --across-data"):
        compare(selected(own_study))
    rows = compare(selected(own_study), across_data=True).rows
    assert [len(row.variant.runs) for row in rows] == [4, 3]


def test_runs_with_other_test_reviews_are_compared_only_on_request(own_study):
    other = with_seed(config(own_study, "model=gru", "split.test=0.3", STUDY), 9)
    folder = write_run(other, probabilities(0.9, 9)[:300], LABELS[:300])
    assert compare(selected(own_study), across_data=True)
    _change_result(folder, split_hash="a" * 64)
    with pytest.raises(ComparisonError, match=f"{folder.short_hash} has another test part than"):
        compare(selected(own_study))
    comparison = compare(selected(own_study), across_data=True)
    assert all(pair.difference is None for pair in comparison.pairs if "test=0.3" in pair.first + pair.second)


def _change_result(folder, **changed):
    path = folder.path / "result.json"
    path.write_text(checksummed_json({**read_checksummed(path), **changed}))


def test_runs_with_another_split_but_the_same_test_part_are_compared(own_study):
    other = with_seed(config(own_study, "model=gru", "split.validation=0.2", STUDY), 9)
    _change_result(write_run(other, probabilities(0.9, 9), LABELS), split_hash="a" * 64)
    assert len(compare(selected(own_study)).rows) == 3


def test_a_run_without_predictions_keeps_its_metrics_and_is_excluded_from_pairs(own_study):
    run = compare(selected(own_study)).rows[0].variant.runs["seed=2"]
    (run.folder.path / "predictions.parquet").unlink()
    comparison = compare(selected(own_study))
    assert comparison.pairs[0].blocks == ["seed=1", "seed=3"]
    assert len(comparison.rows[0].variant.runs) == 3
    assert any(f"{run.short_hash} is excluded from the pairs: " in note for note in comparison.notes)


def test_a_damaged_run_is_named_and_excluded(own_study):
    run = compare(selected(own_study)).rows[0].variant.runs["seed=2"]
    text = (run.folder.path / "result.json").read_text()
    (run.folder.path / "result.json").write_text(text.replace("0.", "1.", 1))
    comparison = compare(selected(own_study))
    assert comparison.rows[0].variant.seeds == [1, 3]
    assert any("is damaged" in caveat and "its digest does not match" in caveat for caveat in caveats(comparison))


def test_missing_runs_are_reported_with_what_exists(own_study, tmp_path):
    with pytest.raises(RunError, match=r"no study 'which cel' below .*; did you mean which cell"):
        selected(own_study, "which cel")
    with pytest.raises(RunError, match="there are no runs below"):
        select_study(tmp_path / "nowhere", str(tmp_path), None)
    for run in selected(own_study).runs:
        (run.folder.path / "result.json").unlink(missing_ok=True)
    with pytest.raises(RunError, match=r"no run of which cell is complete: .* is interrupted .*and 2 more"):
        compare(selected(own_study))


def test_runs_and_variants_are_selected_by_hash_prefixes(study):
    runs = selected(study).runs
    root = study / "runs"
    two = select_hashes(root, str(study), [runs[0].short_hash[:6], runs[1].short_hash.upper()])
    assert [run.short_hash for run in two.runs] == [run.short_hash for run in runs[:2]]
    variant = variant_hash(config(study, "model=gru", STUDY))
    assert len(select_hashes(root, str(study), [variant[:10]]).runs) == 3
    with pytest.raises(RunError, match="no run, variant or sweep 'zzz'"):
        select_hashes(root, str(study), ["zzz"])
    with pytest.raises(RunError, match="no run, variant or sweep ''"):
        select_hashes(root, str(study), [""])


def test_the_default_study_is_that_of_the_newest_run(own_study):
    write_run(with_seed(config(own_study, "study.name=later"), 77), probabilities(0.8, 1), LABELS)
    assert selected(own_study).study == "later"
    assert "which cell" in selected(own_study).note
    assert len(selected(own_study, "which cell").runs) == 7


def test_of_many_variants_the_best_are_paired_and_adjusted_for_all_pairs(tmp_path):
    base = config(tmp_path)
    for width in range(1, 15):
        variant = replace(base, model=replace(base.model, units=[width]))
        for seed in (1, 2):
            write_run(with_seed(variant, seed), probabilities(0.5 + width / 40, seed), LABELS)
    comparison = compare(selected(tmp_path))
    assert len(comparison.rows) == 14
    assert len(comparison.pairs) == 12 * 11 // 2
    assert any("the best 12 of 14 variants, adjusted for all pairs" in note for note in comparison.notes)
    smallest = min(comparison.pairs, key=lambda pair: pair.difference.p_value)
    assert smallest.p_adjusted == pytest.approx(min(1, 91 * smallest.difference.p_value))
    assert [bool(row.letters) for row in comparison.rows] == [True] * 12 + [False] * 2


def test_all_formats_contain_the_same_numbers(study):
    comparison = compare(selected(study))
    accuracy = comparison.rows[0].metrics["test_accuracy"]
    shown = f"{100 * accuracy.mean:.2f} ± "
    assert shown in to_markdown(comparison)
    assert shown.replace("±", r"$\pm$") in to_latex(comparison)
    rows = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert float(rows[0]["test_accuracy"]) == accuracy.mean
    assert float(rows[0]["test_accuracy_std"]) == accuracy.std
    assert [row["variant"] for row in rows] == ["gru", "lstm"]
    plain = json.loads(json.dumps(to_plain(comparison)))
    assert plain["variants"][0]["metrics"]["test_accuracy"] == accuracy.numbers
    assert plain["pairs"][0]["significant"] is True
    assert plain["pairs"][0]["p_adjusted"] == comparison.pairs[0].p_adjusted
    assert plain["unfinished"][0]["state"] == "interrupted"


def test_the_command_prints_one_json_document_or_tables(study, capsys):
    folders = ["--runs", study / "runs", "--store", study]
    code, output = run_main(["compare", *folders, "--json"], capsys)
    assert code == 0
    assert json.loads(output.out)["verdict"].startswith("gru has the best")
    code, output = run_main(["compare", *folders], capsys)
    assert "gru over lstm" in output.out
    assert "note: " in output.out
    code, output = run_main(["compare", "--study", "x", *folders], capsys)
    assert code == 2
    assert output.err.startswith("error: no study 'x'")
    code, output = run_main(["compare", "abc", "--study", "x", *folders], capsys)
    assert "give either hashes or --study, not both" in output.err


def test_a_deleted_run_does_not_affect_the_others(own_study):
    shutil.rmtree(selected(own_study).runs[0].folder.path)
    assert len(compare(selected(own_study)).rows) == 2
