"""Tuning a setting on validation: its trials, the runs with the best value, and the comparison of these."""

from __future__ import annotations

import json

import pytest

from sentiment_lab.analysis.comparison import compare
from sentiment_lab.analysis.markdown.tuning import choice_tables, find_trials
from sentiment_lab.analysis.selection import select_study
from sentiment_lab.cli.plan import planned_jobs
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.executors import base
from sentiment_lab.sweeps.forecast import WAITS, forecast
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_study
from sentiment_lab.sweeps.tuning import describe, find_groups
from tests.tiny import TINY, locations

RATE = "optimizer.learning_rate"
COMMAND = ["the", "overrides"]


def overrides_of(where):
    """Return a study of a network and a linear model with three learning rates; the first seed tunes."""
    linear = [word for word in TINY if not word.startswith("model.")]
    models = [[*TINY, "model=simple_rnn"], [*linear, "model=nb_svm"]]
    common = ["training.epochs=1", "tracking=none", *where, f"study.choose={RATE}", "study.name=rates"]
    return [
        [*model, *common, f"{RATE}={rate}", f"seed={seed}"]
        for model in models
        for rate in ("1e-9", "1e-1", "1e-2")
        for seed in (7, 8)
    ]


def jobs_of(overrides):
    jobs, _ = plan_jobs(overrides, compose_config)
    return jobs


@pytest.fixture(scope="module")
def done(tmp_path_factory, cache):
    """The complete study: its root and its jobs."""
    root = tmp_path_factory.mktemp("study")
    jobs = jobs_of(overrides_of(locations(root, cache)))
    run_study(jobs, COMMAND)
    return root, jobs


@pytest.fixture
def study(tmp_path, cache):
    """The overrides of the study in an empty folder."""
    return overrides_of(locations(tmp_path, cache))


def losses_of(group):
    return [min(epoch.validation_loss for epoch in job.folder.result().epochs) for job in group.trials]


def test_every_value_is_tried_with_the_first_seed_and_the_best_one_runs_with_all_seeds(done):
    root, jobs = done
    network, linear = find_groups(jobs, RATE)
    assert [network.value(job) for job in network.trials] == [1e-9, 1e-1, 1e-2]
    losses = losses_of(network)
    best = network.value(network.trials[losses.index(min(losses))])
    assert [job.config.seed for job in network.tuned()] == [7, 8]
    assert {network.value(job) for job in network.tuned()} == {best}
    scores = f"1e-09 {losses[0]:.4f}, "
    assert describe(network).startswith(f"simple_rnn learning_rate={best}: chosen by validation loss ({scores}")
    assert [job.config.seed for job in linear.tuned()] == [7, 8], "a model without a learning rate needs no trials"
    assert len(list_runs(root / "runs")) == 3 + 1 + 2


def test_runs_with_other_values_are_in_no_comparison_of_the_study(done):
    root, _ = done
    selection = select_study(root / "runs", str(root), "rates")
    assert len(selection.runs) == 2 + 2
    assert "2 runs with values of optimizer.learning_rate that validation did not choose" in selection.left_out
    assert selection.left_out in compare(selection).notes
    trials = selection.left_out.rpartition("compare ")[2].strip(")")
    record = json.loads((root / "sweeps" / trials / "jobs.json").read_text(encoding="utf-8"))
    assert (record["chooses"], len(record["jobs"])) == (RATE, 3)


@pytest.mark.parametrize("by", [[], ["model"]])
def test_the_tuned_setting_is_no_part_of_a_label_and_separates_no_seeds(done, by):
    root, _ = done
    comparison = compare(select_study(root / "runs", str(root), "rates"), by=by)
    assert {row.label for row in comparison.rows} == {"simple_rnn", "nb_svm"}
    assert [list(pair.blocks) for pair in comparison.pairs] == [["seed=7", "seed=8"]]


def test_a_page_has_a_table_of_the_trials(done):
    root, jobs = done
    ((caption, lines),) = choice_tables(find_trials(select_study(root / "runs", str(root), "rates"))).items()
    assert caption == "optimizer.learning_rate: validation loss with the first seed"
    losses = losses_of(find_groups(jobs, RATE)[0])
    shown = [f"**{loss:.4f}**" if loss == min(losses) else f"{loss:.4f}" for loss in losses]
    assert lines == [["variant", "1e-09", "0.1", "0.01"], ["simple_rnn", *shown]]


def test_the_same_command_trains_nothing_again_and_force_each_run_once(done, monkeypatch):
    _, jobs = done
    trained = []

    def execute(job, *, force, callback=None):
        if force or job.folder.state != "complete":
            trained.append(job.folder.short_hash)
        return job.folder.result()

    monkeypatch.setattr(base, "execute", execute)
    run_study(jobs, COMMAND)
    assert trained == []
    run_study(jobs, COMMAND, force=True)
    assert len(trained) == len(set(trained)) == 6


def test_a_plan_shows_the_jobs_that_wait_for_tuning(study, done):
    before = forecast(jobs_of(study[:6]))
    assert [one.state for one in before] == ["new"] * 3 + [WAITS]
    assert before[-1].job.name == "simple_rnn learning_rate=? seed=8"
    assert [one.state for one in forecast(done[1])] == ["complete"] * 6
    assert {one.seconds for one in forecast(done[1])} == {0.0}
    assert all(one.seconds > 0 for one in forecast(done[1], force=True))


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("study.choose=optimizer.rate", "study.choose must name a setting that can be tuned on validation, got"),
        ("split.validation=0", "study.choose needs a validation part other than the test part: split.validation=0.1"),
    ],
)
def test_a_setting_that_cannot_be_tuned_is_refused_before_anything_trains(study, tmp_path, word, problem):
    jobs = jobs_of([[*job, word, "training.selection=last"] for job in study[:4]])
    with pytest.raises(ConfigError) as caught:
        run_study(jobs, COMMAND)
    assert caught.value.problems[0].startswith(problem)
    assert list_runs(tmp_path / "runs") == []


def test_a_single_value_needs_no_trials(linear, tmp_path):
    words = [*linear, "study.choose=model.C", "model.C=1"]
    run_study(jobs_of([[*words, f"seed={seed}"] for seed in (1, 2)]), COMMAND)
    assert len(list(tmp_path.glob("sweeps/*"))) == 1


def test_the_command_line_plans_a_tuned_study(tiny):
    words = [*tiny, "model=gru", f"{RATE}=1e-3,1e-2", "seed=1,2", f"study.choose={RATE}"]
    assert [one.state for one in forecast(planned_jobs(words))] == ["new", "new", WAITS]


def test_tuning_needs_all_jobs_at_once(tiny):
    words = [*tiny, f"{RATE}=1e-3,1e-2", f"study.choose={RATE}", "hydra.sweeper.max_batch_size=1"]
    with pytest.raises(ConfigError, match=r"max_batch_size must be null where study.choose=.*, got 1"):
        planned_jobs(words)
