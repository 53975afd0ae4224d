"""A search proposes settings, runs trials, resumes and reports; the test part plays no role in it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.data.reviews import DataError
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.executors.base import run_job
from sentiment_lab.sweeps.search.findings import study_file
from sentiment_lab.sweeps.search.search import PruningCallback, build_pruner
from sentiment_lab.sweeps.search.space import grid_of, overrides_of, read_space
from tests.tiny import job_of

pytest.importorskip("optuna", reason="optuna is not installed; the extra `search` brings it")

TRIAL = ["model=tfidf_logistic", "data.reviews=120", "data.length=12", "data.distance=2"]
"""Fixed overrides of a search whose runs take a tenth of a second."""


def space_of(*words):
    return read_space(OverridesParser.create().parse_overrides(list(words)))


def test_swept_values_become_distributions():
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    fixed, space = space_of(
        "model=gru",
        "model.units=choice([32],[64])",
        "optimizer.learning_rate=tag(log,interval(1e-4,1e-2))",
        "model.dropout=interval(0,0.5)",
        "training.epochs=int(interval(1,8))",
        "text.max_length=range(100,400,100)",
    )
    assert fixed == ["model=gru"]
    assert space == {
        "model.units": CategoricalDistribution(["[32]", "[64]"]),
        "optimizer.learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "model.dropout": FloatDistribution(0.0, 0.5),
        "training.epochs": IntDistribution(1, 8),
        "text.max_length": CategoricalDistribution(["100", "200", "300"]),
    }
    assert overrides_of({"model.units": "[32]", "model.dropout": 0.25}) == ["model.units=[32]", "model.dropout=0.25"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["model=gru"], "a search needs settings that vary"),
        (["seed=1,2"], "seed must be one value in a search"),
        (["model.dropout=interval(0.5,0.1)"], "must have an interval from a lower to a higher number, got"),
        (["optimizer.learning_rate=tag(log,interval(0,1))"], "from a lower to a higher number above 0, got"),
    ],
)
def test_an_invalid_space_is_explained(words, problem):
    with pytest.raises(ConfigError, match=problem):
        space_of(*words)


def test_a_grid_needs_values():
    _, space = space_of("model.C=1,2", "model.dropout=interval(0,1)")
    with pytest.raises(ConfigError, match=r"model\.dropout must list its values"):
        grid_of(space)


@pytest.fixture
def search(tmp_path, cache, monkeypatch):
    """Runs a search from the command line and returns its exit code."""
    monkeypatch.chdir(tmp_path)

    def search(*words):
        common = ["tracking=none", f"paths.cache={cache}", "launch.progress=none"]
        with pytest.raises(SystemExit) as ended:
            main(["train", "-m", "hydra/sweeper=sentiment_lab_optuna", *common, *words])
        return ended.value.code

    return search


def query(tmp_path, sql):
    with closing(sqlite3.connect(tmp_path / "mlruns" / "search.db")) as storage:
        rows = [row[0] for row in storage.execute(sql)]
        storage.commit()
        return rows


def states(tmp_path):
    return query(tmp_path, "select state from trials order by number")


def runs_of(tmp_path):
    return list_runs(tmp_path / "mlruns" / "runs")


def test_a_search_resumes_repeats_the_trial_of_a_dead_process_and_writes_its_findings(search, tmp_path, capsys):
    words = [*TRIAL, "model.C=tag(log,interval(0.01,100))", "model.ngrams=1,2"]
    assert search(*words, "study.trials=2") == 0
    assert states(tmp_path) == ["COMPLETE"] * 2
    first = {run.short_hash for run in runs_of(tmp_path)}
    query(tmp_path, "update trials set state = 'RUNNING' where number = 1")
    capsys.readouterr()
    assert search(*words, "study.trials=3") == 0
    assert "3 trials, 1 already done" in capsys.readouterr().err
    assert states(tmp_path) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert first < {run.short_hash for run in runs_of(tmp_path)}
    assert len(runs_of(tmp_path)) == 3, "the repeated trial took its run from the folder"
    folders = list((tmp_path / "mlruns" / "sweeps").glob("*/search"))
    assert folders
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == {"best.yaml", "importance.json", "history.svg", "slices.svg"}
        assert set(json.loads((folder / "importance.json").read_text())) <= {"model.C", "model.ngrams"}


def test_a_trial_is_the_validation_mean_over_its_seeds_and_the_best_config_becomes_a_study(search, tmp_path):
    words = ["model.C=0.001,10", "study.sampler=grid", "study.trials=2", "study.seeds=2", "split.validation=0.3"]
    assert search(*TRIAL, *words) == 0
    values = query(tmp_path, "select value from trial_values")
    accuracies = {}
    for run in runs_of(tmp_path):
        accuracies.setdefault(run.config()["model"]["C"], []).append(run.result().best_validation_accuracy)
    assert {len(of_one) for of_one in accuracies.values()} == {2}
    means = {C: sum(of_one) / 2 for C, of_one in accuracies.items()}
    assert sorted(values) == pytest.approx(sorted(means.values()))
    (text,) = (tmp_path / "mlruns" / "sweeps").glob("*/search/best.yaml")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "best.yaml").write_text(text.read_text(encoding="utf-8"), encoding="utf-8")
    config = compose_config(["+experiments=best", f"paths.cache={tmp_path}"])
    assert means[config.model.C] == max(means.values())
    assert config.data.reviews == 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["split.validation=0", "training.selection=last"],
            "a search needs a validation part other than the test part",
        ),
        (["study.choose=model.C"], "study.choose must be null in a search, which tunes all settings itself"),
    ],
)
def test_settings_that_contradict_a_search_are_refused(words, message, search, capsys):
    assert search(*TRIAL, *words, "model.C=1,2") == 2
    assert message in capsys.readouterr().err


def test_a_study_of_the_best_config_keeps_the_columns_of_a_table():
    columns = ["data.text_column=body", "data.labels={1: negative, 5: positive}", "data.header=true"]
    text = study_file(job_of(["data=table", "data.path=here.csv", "model=nb_svm", *columns]))
    data = yaml.safe_load(text)["data"]
    assert data["text_column"] == "body"
    assert data["labels"] == {"1": "negative", "5": "positive"}
    assert "override /data: table" in text
    assert "path" not in data


def test_a_search_ends_when_every_trial_fails(search, capsys, monkeypatch):
    def fail(*_, **__):
        raise DataError("the disk was removed")

    monkeypatch.setattr("sentiment_lab.data.dataset.build_dataset", fail)
    assert search(*TRIAL, "model.C=tag(log,interval(0.1,1))") == 1
    assert "3 trials in a row failed" in capsys.readouterr().err


def test_a_search_without_its_reviews_starts_no_trial(search, capsys, tmp_path):
    other = "0" * 64  # the hash of reviews that do not exist
    assert search(*TRIAL, f"data.expect={other}", "model.C=tag(log,interval(0.1,1))") == 2
    assert f"data.expect is {other}" in capsys.readouterr().err
    assert not list_runs(tmp_path / "mlruns" / "runs")


def test_a_pruned_trial_is_no_failure(search, tmp_path, monkeypatch, capsys):
    import optuna

    class Always(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return True

    monkeypatch.setattr("sentiment_lab.sweeps.search.search.build_pruner", lambda name: Always())
    assert search(*TRIAL, "model.C=tag(log,interval(0.1,1))", "study.trials=1") == 1
    assert "every trial of the search was pruned" in capsys.readouterr().err
    assert states(tmp_path) == ["PRUNED"]


def test_a_search_cannot_be_planned(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "hydra/sweeper=sentiment_lab_optuna", "model.dropout=interval(0,1)"])
    assert ended.value.code == 2
    assert "cannot be planned: a search chooses each trial from those before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "accuracy", "pruned"), [("median", 0.5, True), ("median", 0.95, False), ("none", 0.5, False)]
)
def test_a_run_worse_than_the_median_is_pruned(linear, tmp_path, name, accuracy, pruned):
    """The trials before had a validation accuracy of 0.9 after their first epoch, this one has `accuracy`."""
    import optuna

    study = optuna.create_study(direction="maximize", pruner=build_pruner(name))
    for _ in range(6):
        before = study.ask()
        before.report(0.9, 1)
        study.tell(before, 0.9)

    class WithAccuracy(PruningCallback):
        def epoch_ended(self, record):
            super().epoch_ended(replace(record, validation_accuracy=accuracy))

    job = job_of(linear)
    outcome = run_job(job, tmp_path, force=False, callback=WithAccuracy(study.ask(), 0))
    assert (outcome.error == "PrunedError") == pruned
    assert (outcome.reason == "PrunedError: pruned after epoch 1") == pruned
    assert (outcome.result is None) == pruned
    assert job.folder.state == ("failed" if pruned else "complete")
