"""A setting that validation chooses: what is tried, what is chosen, what runs after it, and what is compared."""

from __future__ import annotations

import json

import pytest

from sentiment_lab.analysis.comparison import compare
from sentiment_lab.analysis.selection import select_study
from sentiment_lab.commands.plan import planned_jobs
from sentiment_lab.compose import compose_config
from sentiment_lab.rundir import list_runs
from sentiment_lab.schema import ConfigError
from sentiment_lab.sweep.choice import find_candidates
from sentiment_lab.sweep.forecast import WAITS, forecast
from sentiment_lab.sweep.plan import plan_jobs
from sentiment_lab.sweep.story import run_study

RATE = "optimizer.learning_rate"


@pytest.fixture
def study(tiny):
    """Two architectures, three learning rates, three seeds, of which the first chooses."""
    fixed = [*tiny, f"study.choose={RATE}", "study.name=rates"]
    words = [
        [*fixed, f"model={model}", f"{RATE}={rate}", f"seed={seed}"]
        for model in ("gru", "nb_svm")
        for rate in ("1e-9", "1e-1", "1e-2")
        for seed in (7, 8, 9)
    ]
    return [[word for word in job if "nb_svm" not in job[-3] or not word.startswith("model.")] for job in words]


def jobs_of(study):
    jobs, _ = plan_jobs(study, compose_config)
    return jobs


def test_every_value_is_tried_with_the_first_seed_and_the_best_on_validation_has_all(study, tmp_path, capsys):
    jobs = jobs_of(study)
    run_study(jobs, ["the", "words"])
    network, bar = find_candidates(jobs, RATE)
    losses = {
        job.config.optimizer.learning_rate: min(epoch.validation_loss for epoch in job.folder.result().epochs)
        for job in network.tries
    }
    best = min(losses, key=losses.__getitem__)
    assert network.best().config.optimizer.learning_rate == best
    assert sorted(losses) == [1e-9, 1e-2, 1e-1]
    assert [job.config.seed for job in network.chosen()] == [7, 8, 9]
    assert {job.config.optimizer.learning_rate for job in network.chosen()} == {best}
    assert [job.config.seed for job in bar.chosen()] == [7, 8, 9], "what has no learning rate tries none"
    assert len(list_runs(tmp_path / "runs")) == 3 + 2 + 3
    assert "chosen by validation loss" in capsys.readouterr().err


def test_what_only_tried_a_value_is_in_no_comparison_of_the_study(study, tmp_path):
    run_study(jobs_of(study), ["the", "words"])
    selection = select_study(tmp_path / "runs", str(tmp_path), "rates")
    assert len(selection.runs) == 3 + 3
    assert "2 runs with values of optimizer.learning_rate that validation did not choose" in selection.left_out
    assert selection.left_out in compare(selection).notes
    tried = selection.left_out.rpartition("compare ")[2].strip(")")
    record = json.loads((tmp_path / "sweeps" / tried / "jobs.json").read_text(encoding="utf-8"))
    assert (record["chooses"], len(record["jobs"])) == (RATE, 3)


def test_the_same_command_goes_on_and_force_trains_each_run_once_more(study, monkeypatch):
    from sentiment_lab.sweep import executor

    jobs = jobs_of(study)
    run_study(jobs, ["the", "words"])
    trained = []
    execute = executor.execute
    monkeypatch.setattr(
        executor,
        "execute",
        lambda job, *, force, **more: (
            trained.append(job.folder.short_hash) if force or job.folder.state != "complete" else None,
            execute(job, force=force, **more),
        )[1],
    )
    run_study(jobs, ["the", "words"])
    assert trained == []
    run_study(jobs, ["the", "words"], force=True)
    assert len(trained) == len(set(trained)) == 8


def test_a_plan_says_what_waits_for_the_choice(study):
    before = forecast(jobs_of(study))
    assert [one.state for one in before] == ["new"] * 6 + [WAITS] * 2
    assert [one.job.name for one in before[-2:]] == ["gru learning_rate=? seed=8", "gru learning_rate=? seed=9"]
    run_study(jobs_of(study), ["the", "words"])
    assert [one.state for one in forecast(jobs_of(study))] == ["complete"] * 8


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        (
            "study.choose=optimizer.rate",
            "study.choose must name a setting that can change a result, got 'optimizer.rate'",
        ),
        ("split.validation=0", "study.choose needs a validation part that is not the test part: split.validation=0.1"),
    ],
)
def test_what_cannot_be_chosen_is_said_before_anything_trains(study, tmp_path, word, problem):
    jobs = jobs_of([[*job, word, "training.selection=last"] for job in study[:9]])
    with pytest.raises(ConfigError) as caught:
        run_study(jobs, ["the", "words"])
    assert caught.value.problems[0].startswith(problem)
    assert list_runs(tmp_path / "runs") == []


def test_one_value_is_no_choice(study, tmp_path):
    run_study(jobs_of(study[:3]), ["the", "words"])
    assert len(list(tmp_path.glob("sweeps/*"))) == 1


def test_a_plan_from_the_command_line(tiny):
    words = [*tiny, "model=gru", f"{RATE}=1e-3,1e-2", "seed=1,2", f"study.choose={RATE}"]
    states = [one.state for one in forecast(planned_jobs(words))]
    assert states == ["new", "new", WAITS]
