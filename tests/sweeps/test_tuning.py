"""A setting that validation chooses: what is tried, what is chosen, what runs after it, and what is compared."""

from __future__ import annotations

import json

import pytest

from sentiment_lab.analysis.comparison import compare
from sentiment_lab.analysis.markdown.tuning import choice_tables, find_trials
from sentiment_lab.analysis.selection import select_study
from sentiment_lab.cli.plan import planned_jobs
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.forecast import WAITS, forecast
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_study
from sentiment_lab.sweeps.tuning import describe, find_groups
from tests.tiny import TINY

RATE = "optimizer.learning_rate"


def words_of(places):
    """Two architectures, three learning rates, three seeds, of which the first chooses."""
    fixed = [*TINY, "tracking=none", *places, f"study.choose={RATE}", "study.name=rates"]
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


@pytest.fixture(scope="module")
def done(tmp_path_factory, cache):
    """The study, run once: its folder and its jobs."""
    root = tmp_path_factory.mktemp("study")
    jobs = jobs_of(words_of([f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={cache}"]))
    run_study(jobs, ["the", "words"])
    return root, jobs


@pytest.fixture
def study(tmp_path, cache):
    """The words of the study, with places of their own."""
    return words_of([f"paths.runs={tmp_path}/runs", f"paths.store={tmp_path}", f"paths.cache={cache}"])


def losses_of(candidates):
    return [min(epoch.validation_loss for epoch in job.folder.result().epochs) for job in candidates.tries]


def test_every_value_is_tried_with_the_first_seed_and_the_best_on_validation_has_all(done):
    root, jobs = done
    network, bar = find_groups(jobs, RATE)
    assert [network.value(job) for job in network.tries] == [1e-9, 1e-1, 1e-2]
    losses = losses_of(network)
    best = network.value(network.tries[losses.index(min(losses))])
    assert [job.config.seed for job in network.chosen()] == [7, 8, 9]
    assert {network.value(job) for job in network.chosen()} == {best}
    assert describe(network).startswith(f"gru learning_rate={best}: chosen by validation loss (1e-09 {losses[0]:.4f}, ")
    assert [job.config.seed for job in bar.chosen()] == [7, 8, 9], "what has no learning rate tries none"
    assert len(list_runs(root / "runs")) == 3 + 2 + 3


def test_what_only_tried_a_value_is_in_no_comparison_of_the_study(done):
    root, _ = done
    selection = select_study(root / "runs", str(root), "rates")
    assert len(selection.runs) == 3 + 3
    assert "2 runs with values of optimizer.learning_rate that validation did not choose" in selection.left_out
    assert selection.left_out in compare(selection).notes
    tried = selection.left_out.rpartition("compare ")[2].strip(")")
    record = json.loads((root / "sweeps" / tried / "jobs.json").read_text(encoding="utf-8"))
    assert (record["chooses"], len(record["jobs"])) == (RATE, 3)


@pytest.mark.parametrize("by", [[], ["model"]])
def test_what_was_chosen_is_no_part_of_a_name_and_parts_no_seeds(done, by):
    root, _ = done
    comparison = compare(select_study(root / "runs", str(root), "rates"), by=by)
    assert {row.label for row in comparison.rows} == {"gru", "nb_svm"}
    assert [list(pair.blocks) for pair in comparison.pairs] == [["seed=7", "seed=8", "seed=9"]]


def test_a_page_tells_what_was_tried(done):
    root, jobs = done
    ((caption, lines),) = choice_tables(find_trials(select_study(root / "runs", str(root), "rates"))).items()
    assert caption == "optimizer.learning_rate was chosen by validation loss, with the first seed"
    losses = losses_of(find_groups(jobs, RATE)[0])
    shown = [f"**{loss:.4f}**" if loss == min(losses) else f"{loss:.4f}" for loss in losses]
    assert lines == [["variant", "1e-09", "0.1", "0.01"], ["gru", *shown]]


def test_the_same_command_goes_on_and_force_trains_each_run_once_more(done, monkeypatch):
    from sentiment_lab.sweeps.executors import base as executor

    _, jobs = done
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


def test_a_plan_says_what_waits_for_the_choice(study, done):
    before = forecast(jobs_of(study))
    assert [one.state for one in before] == ["new"] * 6 + [WAITS] * 2
    assert [one.job.name for one in before[-2:]] == ["gru learning_rate=? seed=8", "gru learning_rate=? seed=9"]
    assert [one.state for one in forecast(done[1])] == ["complete"] * 8


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        (
            "study.choose=optimizer.rate",
            "study.choose must name a setting that validation can choose, got 'optimizer.rate'",
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


def test_a_choice_needs_all_jobs_at_once(tiny):
    words = [*tiny, f"{RATE}=1e-3,1e-2", f"study.choose={RATE}", "hydra.sweeper.max_batch_size=1"]
    with pytest.raises(ConfigError, match=r"max_batch_size must be null where study.choose=.*, got 1"):
        planned_jobs(words)
