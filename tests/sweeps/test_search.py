"""A search proposes, runs, remembers and sums up; test plays no role in it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.executors.base import run_job
from sentiment_lab.sweeps.search.search import _pruner, _Reporter
from sentiment_lab.sweeps.search.space import grid_of, read_space, words_of

pytest.importorskip("optuna", reason="optuna is not installed; the extra `search` brings it")

LINEAR = ["model=tfidf_logistic", "data.reviews=120", "data.length=12", "data.distance=2"]


def space_of(*words):
    return read_space(OverridesParser.create().parse_overrides(list(words)))


def test_words_become_distributions():
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
    assert words_of({"model.units": "[32]", "model.dropout": 0.25}) == ["model.units=[32]", "model.dropout=0.25"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["model=gru"], "a search needs settings that vary"),
        (["seed=1,2"], "seed must be one value in a search"),
        (["model.dropout=interval(0.5,0.1)"], "must have an interval from a lower to a higher number, got"),
        (["optimizer.learning_rate=tag(log,interval(0,1))"], "from a lower to a higher number above 0, got"),
    ],
)
def test_what_cannot_be_searched_is_named(words, problem):
    with pytest.raises(ConfigError, match=problem):
        space_of(*words)


def test_a_grid_needs_values():
    _, space = space_of("model.C=1,2", "model.dropout=interval(0,1)")
    with pytest.raises(ConfigError, match=r"model\.dropout must list its values"):
        grid_of(space)


@pytest.fixture
def search(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def search(*words):
        places = ["tracking=none", f"paths.cache={cache}", "launch.progress=none"]
        with pytest.raises(SystemExit) as ended:
            main(["train", "-m", "hydra/sweeper=sentiment_lab_optuna", *places, *words])
        return ended.value.code

    return search


def rows(tmp_path, sql):
    with closing(sqlite3.connect(tmp_path / "mlruns" / "search.db")) as storage:
        return [row[0] for row in storage.execute(sql)]


def states(tmp_path):
    return rows(tmp_path, "select state from trials order by number")


def runs_of(tmp_path):
    return list_runs(tmp_path / "mlruns" / "runs")


def test_a_search_goes_on_where_it_stopped_and_leaves_its_findings(search, tmp_path, capsys):
    words = [*LINEAR, "model.C=tag(log,interval(0.01,100))", "model.ngrams=1,2"]
    assert search(*words, "study.trials=3") == 0
    assert states(tmp_path) == ["COMPLETE"] * 3
    first = {run.short_hash for run in runs_of(tmp_path)}
    capsys.readouterr()
    assert search(*words, "study.trials=5") == 0
    assert "5 trials, 3 done before" in capsys.readouterr().err
    assert states(tmp_path) == ["COMPLETE"] * 5
    assert first < {run.short_hash for run in runs_of(tmp_path)}
    for found in (tmp_path / "mlruns" / "sweeps").glob("*/search"):
        assert {path.name for path in found.iterdir()} == {"best.yaml", "importance.json", "history.svg", "slices.svg"}
        assert set(json.loads((found / "importance.json").read_text())) <= {"model.C", "model.ngrams"}


def test_a_trial_of_a_process_that_died_is_tried_again(search, tmp_path):
    words = [*LINEAR, "model.C=tag(log,interval(0.01,100))"]
    assert search(*words, "study.trials=2") == 0
    with closing(sqlite3.connect(tmp_path / "mlruns" / "search.db")) as storage:
        storage.execute("update trials set state = 'RUNNING' where number = 1")
        storage.commit()
    assert search(*words, "study.trials=2") == 0
    assert states(tmp_path) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert len(runs_of(tmp_path)) == 2


def test_the_best_config_is_a_study_of_its_own(search, tmp_path):
    assert search(*LINEAR, "model.C=0.001,10", "study.sampler=grid", "study.trials=2") == 0
    (found,) = (tmp_path / "mlruns" / "sweeps").glob("*/search/best.yaml")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "best.yaml").write_text(found.read_text(encoding="utf-8"), encoding="utf-8")
    config = compose_config(["+experiments=best", f"paths.cache={tmp_path}"])
    best = max(runs_of(tmp_path), key=lambda run: run.result().best_validation_accuracy)
    assert best.config()["model"]["C"] == config.model.C
    assert config.data.reviews == 120


def test_a_trial_is_the_mean_over_its_seeds_on_validation(search, tmp_path):
    words = [*LINEAR, "model.C=1,10", "study.sampler=grid", "study.trials=2", "study.seeds=2", "split.validation=0.3"]
    assert search(*words) == 0
    values = rows(tmp_path, "select value from trial_values")
    accuracies = [run.result().best_validation_accuracy for run in runs_of(tmp_path)]
    assert len(accuracies) == 4
    assert sum(values) / 2 == pytest.approx(sum(accuracies) / 4)


def test_a_search_that_could_only_look_at_test_is_refused(search, capsys):
    assert search(*LINEAR, "split.validation=0", "training.selection=last", "model.C=1,2") == 2
    assert "a search needs a validation part of its own" in capsys.readouterr().err


def test_a_search_that_is_to_choose_as_a_grid_does_is_refused(search, capsys):
    assert search(*LINEAR, "study.choose=model.C", "model.C=1,2") == 2
    assert "study.choose must be null in a search, which chooses by itself" in capsys.readouterr().err


def test_a_search_of_which_nothing_runs_ends(search, capsys):
    other = "0" * 64  # reviews that are not there
    assert search(*LINEAR, f"data.expect={other}", "model.C=tag(log,interval(0.1,1))") == 1
    assert "3 trials in a row failed" in capsys.readouterr().err


def test_plan_does_not_guess_what_a_search_will_do(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["plan", "hydra/sweeper=sentiment_lab_optuna", "model.dropout=interval(0,1)"])
    assert ended.value.code == 2
    assert "cannot be planned: a search chooses each trial from those before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "accuracy", "pruned"), [("median", 0.5, True), ("median", 0.95, False), ("none", 0.5, False)]
)
def test_a_run_that_does_worse_than_the_others_is_ended(tiny, tmp_path, name, accuracy, pruned):
    """The runs before had a validation accuracy of 0.9 after their first epoch, this one has `accuracy`."""
    import optuna

    study = optuna.create_study(direction="maximize", pruner=_pruner(name))
    for _ in range(6):
        before = study.ask()
        before.report(0.9, 1)
        study.tell(before, 0.9)
    reporter = _Reporter(study.ask(), 0)
    told = reporter.epoch_ended
    reporter.epoch_ended = lambda record: told(replace(record, validation_accuracy=accuracy))
    job = Job(compose_config(tiny), tiny, "bilstm")
    outcome = run_job(job, tmp_path, force=False, observer=reporter)
    assert (outcome.reason == "PrunedError: pruned after epoch 1") == pruned
    assert (outcome.result is None) == pruned
    assert job.folder.state == ("failed" if pruned else "complete")
