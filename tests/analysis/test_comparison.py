"""A comparison of runs whose answers are known: what is grouped, what is told apart, what is refused."""

from __future__ import annotations

import csv
import io
import json
import shutil

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
from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunError

LABELS = np.arange(400, dtype=np.int8) % 2


def config(tmp_path, *words):
    return compose_config([*words, f"paths.runs={tmp_path}/runs", f"paths.store={tmp_path}"])


def probabilities(accuracy, seed):
    """Return the probabilities of a run that is right about a share of the reviews."""
    right = np.random.default_rng(seed).random(len(LABELS)) < accuracy
    return np.where(right == (LABELS == 1), 0.8, 0.3)


@pytest.fixture
def study(tmp_path):
    """Three runs each of a good gru and a bad lstm, and an interrupted bilstm."""
    for name, accuracy in (("gru", 0.9), ("lstm", 0.6)):
        base = config(tmp_path, f"model={name}", "study.name=which cell")
        for seed in (1, 2, 3):
            write_run(with_seed(base, seed), probabilities(accuracy, seed), LABELS)
    begin(config(tmp_path, "model=bilstm", "study.name=which cell"))
    return tmp_path


def selected(tmp_path, study=None):
    return select_study(tmp_path / "runs", str(tmp_path), study)


def test_each_variant_has_a_row_with_the_numbers_of_its_runs(study):
    comparison = compare(selected(study))
    gru, lstm = comparison.rows
    assert (gru.label, lstm.label) == ("gru", "lstm")
    assert comparison.columns == ["model"]
    assert gru.variant.seeds == [1, 2, 3]
    right = np.stack([(probabilities(0.9, seed) > 0.5) == (LABELS == 1) for seed in (1, 2, 3)])
    accuracy = gru.metrics["test_accuracy"]
    assert accuracy.mean == pytest.approx(right.mean())
    assert accuracy.std == pytest.approx(right.mean(axis=1).std(ddof=1))
    assert accuracy.low == pytest.approx(bootstrap_mean(right.astype(np.int8)).low)
    losses = [run.outcome.test.loss for run in gru.variant.runs.values()]
    assert gru.metrics["test_loss"].high == pytest.approx(t_mean(losses).high)


def test_what_differs_for_sure_is_told_apart(study):
    comparison = compare(selected(study))
    (pair,) = comparison.pairs
    assert (pair.first, pair.second, pair.blocks) == ("gru", "lstm", ["seed=1", "seed=2", "seed=3"])
    assert pair.difference.low > 0.2
    assert pair.significant
    assert max(pair.mcnemar.values()) < 1e-6
    assert [row.letters for row in comparison.rows] == ["a", "b"]
    assert verdict(comparison).startswith("gru has the best test accuracy: ")
    assert "points" in verdict(comparison)
    assert "better than lstm" in verdict(comparison)


def test_what_is_alike_shares_a_letter(tmp_path):
    for name, first in (("gru", 1), ("lstm", 11)):
        for seed in (1, 2, 3):
            write_run(config(tmp_path, f"model={name}", f"seed={seed}"), probabilities(0.8, first + seed), LABELS)
    comparison = compare(selected(tmp_path))
    assert [row.letters for row in comparison.rows] == ["a", "a"]
    assert "No significant difference from" in verdict(comparison)


def test_no_interval_leaves_what_a_metric_can_be(tmp_path):
    for seed, accuracy in ((1, 0.99), (2, 0.6)):
        write_run(config(tmp_path, f"seed={seed}"), probabilities(accuracy, seed), LABELS)
    (row,) = compare(selected(tmp_path)).rows
    for name in ("test_accuracy", "test_f1", "test_roc_auc", "test_ece", "best_validation_accuracy"):
        assert 0 <= row.metrics[name].low <= row.metrics[name].high <= 1
    assert row.metrics["test_f1"].high == 1
    assert row.metrics["test_loss"].low == 0


def test_what_holds_alone_but_not_among_all_pairs_is_called_probable(tmp_path):
    accuracies = {"gru": (0.97, 0.98, 0.97), "simple_rnn": (0.72, 0.6, 0.66), "lstm": (0.96, 0.98, 0.97)}
    accuracies |= {"bigru": (0.97, 0.96, 0.98), "bilstm": (0.98, 0.96, 0.97)}
    for name, shares in accuracies.items():
        for seed, share in enumerate(shares, 1):
            right = np.arange(len(LABELS)) < share * len(LABELS)
            write_run(config(tmp_path, f"model={name}", f"seed={seed}"), np.where(right == LABELS, 0.8, 0.3), LABELS)
    comparison = compare(selected(tmp_path))
    pair = next(
        pair for pair in comparison.pairs if pair.second == "simple_rnn" and pair.first == comparison.best.label
    )
    assert pair.difference.p_value < 0.05 <= pair.p_adjusted
    assert "probably better than simple_rnn, but among 10 pairs that may be chance" in verdict(comparison)


def test_an_unfinished_run_is_shown_and_in_no_number(study):
    comparison = compare(selected(study))
    assert [run.state for run in comparison.unfinished] == ["interrupted"]
    assert [row.label for row in comparison.rows] == ["gru", "lstm"]
    assert any("is interrupted: it is in no number" in caveat for caveat in caveats(comparison))


def test_with_one_seed_it_says_what_cannot_be_known(study):
    write_run(config(study, "model=simple_rnn", "study.name=which cell"), probabilities(0.95, 1), LABELS)
    comparison = compare(selected(study))
    assert comparison.best.label == "simple_rnn"
    assert [row.letters for row in comparison.rows] == ["", "a", "b"]
    assert "nothing can be said: a test needs two seeds that both have" in verdict(comparison)
    assert any(caveat.startswith("one run of simple_rnn: ") for caveat in caveats(comparison))
    alone = comparison.rows[0].metrics["test_accuracy"]
    assert alone.std is None
    assert alone.low < alone.mean < alone.high  # over the reviews, which are many


def test_only_what_differs_is_a_column(tmp_path):
    for words in ((), ("training.batch_size=64",), ("training.batch_size=64", "model.units=[32]")):
        write_run(config(tmp_path, *words), probabilities(0.8, 1), LABELS)
    comparison = compare(selected(tmp_path))
    assert sorted(comparison.columns) == ["model.units", "training.batch_size"]
    assert {row.label for row in comparison.rows} >= {"units=[32] batch_size=64"}


def test_a_variant_that_stands_alone_goes_by_its_architecture(study):
    only = [run for run in selected(study).runs if run.config["model.cell"] == "gru"]
    assert [variant.label for variant in group_runs(only)] == ["gru"]
    assert [variant.label for variant in group_runs(only, ["text"])] == ["all runs"]


def test_a_chosen_setting_is_in_no_name_unless_names_need_it(tmp_path):
    rates = {"gru": "1e-3", "lstm": "1e-2"}
    for name, rate in rates.items():
        base = config(tmp_path, f"model={name}", f"optimizer.learning_rate={rate}")
        for seed in (1, 2):
            write_run(with_seed(base, seed), probabilities(0.8, seed), LABELS)
    runs = selected(tmp_path).runs
    named = {one.label: one.settings for one in group_runs(runs, chosen={"optimizer.learning_rate"})}
    assert named == {
        "gru": {"model": "gru", "optimizer.learning_rate": 0.001},
        "lstm": {"model": "lstm", "optimizer.learning_rate": 0.01},
    }
    assert [one.label for one in group_runs(runs)] == ["gru learning_rate=0.001", "lstm learning_rate=0.01"]
    by_cell = group_runs(runs, ["model"], chosen={"optimizer.learning_rate"})
    assert [list(one.runs) for one in by_cell] == [["seed=1", "seed=2"]] * 2
    both = config(tmp_path, "model=gru", "optimizer.learning_rate=1e-2")
    write_run(with_seed(both, 1), probabilities(0.8, 1), LABELS)
    twice = group_runs(selected(tmp_path).runs, ["model"], chosen={"optimizer.learning_rate"})
    assert sorted(len(one.runs) for one in twice) == [2, 3], "no run of a variant that has two values is lost"
    by_rate = group_runs(runs, ["optimizer.learning_rate"], chosen={"optimizer.learning_rate"})
    assert [one.label for one in by_rate] == ["learning_rate=0.001", "learning_rate=0.01"]


def test_an_architecture_goes_by_its_name(tmp_path):
    for words in (["model=gru"], ["model=bilstm", "model.units=[32]"], ["model=stacked_lstm"]):
        write_run(config(tmp_path, *words), probabilities(0.8, 1), LABELS)
    labels = {row.label for row in compare(selected(tmp_path)).rows}
    assert labels == {"gru units=[64]", "bilstm units=[32]", "stacked_lstm units=[64, 64]"}


def test_linear_models_are_rows_like_any_other(study):
    for seed in (1, 2, 3):
        write_run(config(study, "model=nb_svm", f"seed={seed}", "study.name=which cell"), probabilities(0.8, 5), LABELS)
    comparison = compare(selected(study))
    assert [row.label for row in comparison.rows] == ["gru", "nb_svm", "lstm"]
    assert comparison.columns == ["model"]


def test_what_one_linear_model_has_another_value_of_is_no_column(tmp_path):
    for words in (["model=nb_svm"], ["model=tfidf_logistic"], ["model=gru"]):
        write_run(config(tmp_path, *words), probabilities(0.8, 1), LABELS)
    assert {one.label for one in group_runs(selected(tmp_path).runs)} == {"nb_svm", "tfidf_logistic", "gru"}
    write_run(config(tmp_path, "model=nb_svm", "model.C=0.5"), probabilities(0.8, 1), LABELS)
    labels = {one.label for one in group_runs(selected(tmp_path).runs)}
    assert labels == {"nb_svm C=1.0", "nb_svm C=0.5", "tfidf_logistic C=20.0", "gru"}


def test_grouping_by_one_setting_pools_the_others_and_pairs_equal_ones(tmp_path):
    for name, accuracy in (("gru", 0.9), ("lstm", 0.7)):
        for size in (16, 32):
            words = (f"model={name}", f"model.embedding_size={size}", "seed=4")
            write_run(config(tmp_path, *words), probabilities(accuracy, size), LABELS)
    comparison = compare(selected(tmp_path), by=["model.cell"])
    assert [(row.label, len(row.variant.runs)) for row in comparison.rows] == [("cell=gru", 2), ("cell=lstm", 2)]
    (pair,) = comparison.pairs
    assert pair.blocks == ["embedding_size=16 seed=4", "embedding_size=32 seed=4"]
    assert pair.significant


def test_rows_are_ranked_by_the_metric_and_sorted_as_asked(study):
    by_loss = compare(selected(study), metric="test_loss")
    assert by_loss.rows[0].label == "gru"
    assert by_loss.pairs[0].difference.value < 0
    assert "lower than lstm" in verdict(by_loss)
    with pytest.raises(LabError, match="no metric 'test_acuracy'; did you mean test_accuracy"):
        compare(selected(study), metric="test_acuracy")
    with pytest.raises(LabError, match="--by modle: no run has that setting; did you mean model"):
        compare(selected(study), by=["modle"])


def test_other_data_is_not_ranked_unless_told(study):
    other = config(study, "model=gru", "seed=9", "study.name=which cell")
    folder = write_run(other, probabilities(0.9, 9), LABELS, data_hash="f" * 64)
    with pytest.raises(ComparisonError, match=rf"{folder.short_hash} has other data \(ffffffffffff\) .* --across-data"):
        compare(selected(study))
    rows = compare(selected(study), across_data=True).rows
    assert [len(row.variant.runs) for row in rows] == [4, 3]


def test_other_test_reviews_are_not_ranked_unless_told(study):
    other = config(study, "model=gru", "seed=9", "split.test=0.3", "study.name=which cell")
    folder = write_run(other, probabilities(0.9, 9)[:300], LABELS[:300])
    path = folder.path / "result.json"
    assert compare(selected(study), across_data=True)
    _reseal(path, split_hash="a" * 64)
    with pytest.raises(ComparisonError, match=f"{folder.short_hash} has another test part than"):
        compare(selected(study))
    comparison = compare(selected(study), across_data=True)
    assert all(pair.difference is None for pair in comparison.pairs if "test=0.3" in pair.first + pair.second)


def _reseal(path, **changed):
    from sentiment_lab.base.files import checksummed_json, read_checksummed

    path.write_text(checksummed_json({**read_checksummed(path), **changed}))


def test_another_split_with_the_same_test_part_is_ranked(study):
    other = config(study, "model=gru", "seed=9", "split.validation=0.2", "study.name=which cell")
    folder = write_run(other, probabilities(0.9, 9), LABELS)
    _reseal(folder.path / "result.json", split_hash="a" * 64)
    assert len(compare(selected(study)).rows) == 3


def test_a_run_without_predictions_keeps_its_numbers_and_is_in_no_pair(study):
    run = compare(selected(study)).rows[0].variant.runs["seed=2"]
    (run.folder.path / "predictions.parquet").unlink()
    comparison = compare(selected(study))
    assert comparison.pairs[0].blocks == ["seed=1", "seed=3"]
    assert len(comparison.rows[0].variant.runs) == 3
    assert any(f"{run.short_hash} is in no pair: " in note for note in comparison.notes)


def test_damage_is_named_and_averaged_into_nothing(study):
    run = compare(selected(study)).rows[0].variant.runs["seed=2"]
    text = (run.folder.path / "result.json").read_text()
    (run.folder.path / "result.json").write_text(text.replace("0.", "1.", 1))
    comparison = compare(selected(study))
    assert comparison.rows[0].variant.seeds == [1, 3]
    assert any("is damaged" in caveat and "its digest does not fit" in caveat for caveat in caveats(comparison))


def test_no_runs_says_what_there_is(study, tmp_path):
    with pytest.raises(RunError, match=r"no study 'which cel' below .*; did you mean which cell"):
        selected(study, "which cel")
    with pytest.raises(RunError, match="there are no runs below"):
        select_study(tmp_path / "nowhere", str(tmp_path), None)
    for run in selected(study).runs:
        (run.folder.path / "result.json").unlink(missing_ok=True)
    with pytest.raises(RunError, match=r"no run of which cell is complete: .* is interrupted .*and 2 more"):
        compare(selected(study))


def test_runs_variants_and_sweeps_are_named_by_their_hashes(study):
    runs = selected(study).runs
    root = study / "runs"
    two = select_hashes(root, str(study), [runs[0].short_hash[:6], runs[1].short_hash.upper()])
    assert [run.short_hash for run in two.runs] == [run.short_hash for run in runs[:2]]
    from sentiment_lab.config.identity import variant_hash

    variant = variant_hash(config(study, "model=gru"))
    assert len(select_hashes(root, str(study), [variant[:10]]).runs) == 3
    with pytest.raises(RunError, match="no run, variant or sweep 'zzz'"):
        select_hashes(root, str(study), ["zzz"])
    with pytest.raises(RunError, match="no run, variant or sweep ''"):
        select_hashes(root, str(study), [""])


def test_the_newest_study_is_the_default_and_said(study):
    write_run(config(study, "study.name=later", "seed=77"), probabilities(0.8, 1), LABELS)
    assert selected(study).study == "later"
    assert "which cell" in selected(study).note
    assert len(selected(study, "which cell").runs) == 7


def test_of_many_variants_the_best_are_paired_and_corrected_for_all(tmp_path):
    for width in range(1, 15):
        for seed in (1, 2):
            words = (f"model.units=[{width}]", f"seed={seed}")
            write_run(config(tmp_path, *words), probabilities(0.5 + width / 40, seed), LABELS)
    comparison = compare(selected(tmp_path))
    assert len(comparison.rows) == 14
    assert len(comparison.pairs) == 12 * 11 // 2
    assert any("the best 12 of 14 variants, corrected for all pairs" in note for note in comparison.notes)
    smallest = min(comparison.pairs, key=lambda pair: pair.difference.p_value)
    assert smallest.p_adjusted == pytest.approx(min(1, 91 * smallest.difference.p_value))
    assert [bool(row.letters) for row in comparison.rows] == [True] * 12 + [False] * 2


def test_all_forms_say_the_same(study):
    comparison = compare(selected(study))
    mean = comparison.rows[0].metrics["test_accuracy"].mean
    shown = f"{100 * mean:.2f} ± "
    assert shown in to_markdown(comparison)
    assert shown.replace("±", r"$\pm$") in to_latex(comparison)
    rows = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert float(rows[0]["test_accuracy"]) == mean
    assert [row["variant"] for row in rows] == ["gru", "lstm"]
    plain = json.loads(json.dumps(to_plain(comparison)))
    assert plain["variants"][0]["metrics"]["test_accuracy"]["mean"] == mean
    assert plain["pairs"][0]["significant"] is True
    assert plain["unfinished"][0]["state"] == "interrupted"


def run(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code, capsys.readouterr()


def test_the_command_prints_one_document_or_tables(study, capsys):
    places = ["--runs", f"{study}/runs", "--store", str(study)]
    code, shown = run(["compare", *places, "--json"], capsys)
    assert code == 0
    assert json.loads(shown.out)["verdict"].startswith("gru has the best")
    code, shown = run(["compare", *places], capsys)
    assert "gru over lstm" in shown.out
    assert "note: " in shown.out
    code, shown = run(["compare", "--study", "x", *places], capsys)
    assert code == 2
    assert shown.err.startswith("error: no study 'x'")
    code, shown = run(["compare", "abc", "--study", "x", *places], capsys)
    assert "name hashes or --study: one of the two" in shown.err


def test_a_run_that_is_gone_is_no_harm_to_the_rest(study):
    shutil.rmtree(selected(study).runs[0].folder.path)
    assert len(compare(selected(study)).rows) == 2
