"""A sweep whose jobs fail: which jobs run, which are compared, and what is reported."""

from __future__ import annotations

import pytest

from sentiment_lab.analysis.comparison import compare
from sentiment_lab.analysis.export import to_plain
from sentiment_lab.analysis.selection import select_hashes
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.store import open_store
from sentiment_lab.training import train
from tests.tiny import write_reviews


def jobs_of(words, *more):
    return plan_jobs([[*words, *one] for one in more], compose_config)[0]


def damage(job):
    """Append a byte to the predictions of a complete run."""
    file = job.folder.path / "predictions.parquet"
    file.write_bytes(file.read_bytes() + b"x")


def note_of(words):
    """Return the description of the only sweep's parent run, and the names of its files."""
    config = compose_config(words)
    client = open_store(config.tracking, config.paths).client
    experiment = client.get_experiment_by_name("default").experiment_id
    (parent,) = client.search_runs([experiment], "tags.sweep LIKE '%' AND attributes.run_name LIKE '%runs'")
    return parent.data.tags["mlflow.note.content"], {file.path for file in client.list_artifacts(parent.info.run_id)}


SEEDS = (["seed=1"], ["seed=2"], ["seed=3"])


@pytest.fixture
def own(linear, tmp_path):
    """Overrides of a linear model on a file of the user's own, and the file."""
    file = write_reviews(tmp_path / "own.csv")
    kept = [word for word in linear if not word.startswith("data.")]
    return [*kept, "data=imdb", f"data.path={file}"], file


def test_a_failure_that_all_jobs_share_ends_the_sweep(own, capsys):
    words, file = own
    jobs = jobs_of(words, *SEEDS, ["model=tfidf_logistic"])
    write_reviews(file, start=1)  # after the jobs were planned
    outcomes = run_sweep(jobs, [])
    assert [outcome.error for outcome in outcomes] == ["DataError", *["not run for the same reason"] * 3]
    assert [job.folder.state for job in jobs] == ["failed", "new", "new", "new"]
    shown = capsys.readouterr().err
    assert "the remaining 3 jobs were not run for the same reason" in shown
    assert f"the reviews of {file} have the data_hash" in shown
    assert "accuracy" not in shown
    assert "report" not in shown


def test_a_failure_with_the_data_of_some_jobs_ends_no_other(linear, tmp_path, capsys):
    files = [write_reviews(tmp_path / f"{start}.csv", start) for start in (0, 1)]
    kept = [word for word in linear if not word.startswith("data.")]
    jobs = jobs_of([*kept, "data=imdb"], *([f"data.path={file}", *seed] for file in files for seed in SEEDS[:2]))
    write_reviews(files[0], start=2)
    outcomes = run_sweep(jobs, [])
    assert [outcome.result is not None for outcome in outcomes] == [False, False, True, True]
    shown = " ".join(capsys.readouterr().err.split())
    assert "2 of 4 jobs failed: nb_svm data=0.csv seed=1, nb_svm data=0.csv seed=2. data=1.csv: " in shown


@pytest.fixture
def first_fails(monkeypatch):
    """Let the training of runs with seed 1 fail."""
    real = train.train_and_evaluate

    def fail_first(config, *more):
        if config.seed == 1:
            raise ConfigError(["model.C is too small for these reviews"])
        return real(config, *more)

    monkeypatch.setattr(train, "train_and_evaluate", fail_first)


@pytest.mark.usefixtures("first_fails")
def test_a_failure_after_the_data_were_ready_ends_no_other(linear):
    outcomes = run_sweep(jobs_of(linear, *SEEDS), [])
    assert [outcome.error for outcome in outcomes] == ["ConfigError", "", ""]


def test_a_sweep_whose_every_job_failed_has_no_table_and_no_report(tracked_linear, tmp_path, capsys):
    words = [*tracked_linear, "tracking.model=false"]
    jobs = jobs_of(words, *SEEDS[:2])
    run_sweep(jobs, [])
    _, files = note_of(words)
    assert files >= {"jobs.json", "table.csv", "report.html"}
    for job in jobs:
        damage(job)
    capsys.readouterr()
    outcomes = run_sweep(jobs, [])
    assert all(outcome.result is None for outcome in outcomes)
    shown = capsys.readouterr().err
    assert "test accuracy" not in shown
    assert "report" not in shown
    assert note_of(words)[0] == "No run succeeded."


def test_a_failed_job_is_named_first_and_has_no_row(tracked_linear, tmp_path, capsys):
    words = [*tracked_linear, "tracking.model=false"]
    jobs = jobs_of(words, *SEEDS)
    run_sweep(jobs, [])
    damage(jobs[1])
    capsys.readouterr()
    run_sweep(jobs, [])
    sentence = "1 of 3 jobs failed: nb_svm seed=2. nb_svm: "
    shown = capsys.readouterr().err
    assert sentence in shown
    assert "(95 % interval" in shown.partition(sentence)[2].partition("2 runs)")[0]
    note, _ = note_of(words)
    assert note.startswith(f"**{sentence}")
    assert "| nb_svm | 2 |" in note
    (report,) = tmp_path.glob("sweeps/*/report.html")
    _, _, verdict = report.read_text(encoding="utf-8").partition('<p class="verdict"><bdi>')
    assert verdict.startswith(sentence)


@pytest.mark.usefixtures("first_fails")
def test_a_comparison_of_a_sweep_lists_its_failed_jobs(linear, tmp_path):
    run_sweep(jobs_of(linear, *SEEDS), [])
    (sweep,) = (tmp_path / "sweeps").iterdir()
    plain = to_plain(compare(select_hashes(tmp_path / "runs", str(tmp_path), [sweep.name])))
    assert [run["name"] for run in plain["failed"]] == ["nb_svm seed=1"]
    assert plain["verdict"].startswith("1 of 3 jobs failed: nb_svm seed=1. ")
    assert plain["variants"][0]["seeds"] == [2, 3]
