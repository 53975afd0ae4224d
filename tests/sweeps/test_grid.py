"""The jobs of a grid: checked all at once, named by what differs, equal ones merged."""

from __future__ import annotations

import pytest

from benchmarks.synthetic import begin
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import config_hash
from sentiment_lab.sweeps.forecast import forecast
from sentiment_lab.sweeps.grid import name_variants, plan_jobs
from tests.tiny import write_reviews


def variants(*jobs):
    return name_variants([compose_config(job) for job in jobs])


def test_architectures_name_themselves():
    assert variants(["model=gru"], ["model=bilstm"], ["model=nb_svm"], ["model=gru", "seed=2"]) == [
        "gru",
        "bilstm",
        "nb_svm",
        "gru",
    ]


def test_settings_that_vary_within_an_architecture_are_in_the_name():
    assert variants(["model=gru", "model.units=[8]"], ["model=gru"], ["model=lstm"]) == [
        "gru units=[8]",
        "gru units=[64]",
        "lstm units=[64]",
    ]
    assert variants(["optimizer.learning_rate=0.1"], ["text.keep=first"]) == [
        "bilstm learning_rate=0.1 keep=last",
        "bilstm learning_rate=0.003 keep=first",
    ]


def test_jobs_keep_their_order_and_equal_configs_become_one_job():
    jobs, positions = plan_jobs([["seed=1"], ["seed=2"], ["seed=1", "model=bilstm"]], compose_config)
    assert positions == [0, 1, 0]
    assert [job.name for job in jobs] == ["bilstm seed=1", "bilstm seed=2"]
    assert jobs[0].command == "sentiment-lab train seed=1"


def test_the_problems_of_all_jobs_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        plan_jobs([["seed=1"], ["seed=x"], ["model.dropout=3"]], compose_config)
    assert caught.value.problems == (
        "seed must be a whole number, got 'x'   (in the job: seed=x)",
        "model.dropout must be in [0, 1), got 3   (in the job: model.dropout=3)",
    )


OWN = ["data=imdb", "model=nb_svm", "tracking=none"]


def own_jobs(tmp_path, *overrides):
    words = [*OWN, f"paths.cache={tmp_path}/cache"]
    return plan_jobs([[*words, *more] for more in overrides], compose_config)[0]


def test_files_with_different_reviews_are_different_runs_named_by_their_files(tmp_path):
    (tmp_path / "more").mkdir()
    files = [
        write_reviews(tmp_path / name, start)
        for start, name in enumerate(("first.csv", "second.csv", "more/first.csv"))
    ]
    jobs = own_jobs(tmp_path, *([f"data.path={file}"] for file in files[:2]))
    assert [job.variant for job in jobs] == ["nb_svm data=first.csv", "nb_svm data=second.csv"]
    jobs = own_jobs(tmp_path, *([f"data.path={file}"] for file in files))
    folder = tmp_path.name
    assert [job.variant.partition("=")[2] for job in jobs] == [f"{folder}/first.csv", "second.csv", "more/first.csv"]
    jobs = own_jobs(tmp_path, *([f"data.path={files[0]}", f"data.limit={limit}"] for limit in (20, 40)))
    assert [job.variant for job in jobs] == ["nb_svm limit=20", "nb_svm limit=40"]


def test_the_same_file_with_other_reviews_is_another_run(tmp_path):
    file = write_reviews(tmp_path / "reviews.csv")
    (before,) = own_jobs(tmp_path, [f"data.path={file}"])
    write_reviews(file, start=1)
    (after,) = own_jobs(tmp_path, [f"data.path={file}"])
    assert config_hash(before.config) != config_hash(after.config)
    write_reviews(file)
    (again,) = own_jobs(tmp_path, [f"data.path={file}"])
    assert config_hash(again.config) == config_hash(before.config)


@pytest.mark.parametrize(
    ("key", "values"),
    [("launch.threads", ("1", "2")), ("tracking.figures", ("true", "false")), ("paths.runs", ("one", "two"))],
)
def test_a_swept_setting_outside_of_the_identity_is_refused(key, values):
    with pytest.raises(ConfigError, match=f"^{key} must have one value in a sweep .* got ") as caught:
        plan_jobs([[f"{key}={value}", f"seed={seed}"] for value in values for seed in (1, 2)], compose_config)
    assert all(value in str(caught.value) for value in values)


def test_files_with_the_same_reviews_are_refused(tmp_path):
    files = [write_reviews(tmp_path / name) for name in ("one.csv", "other.csv")]
    with pytest.raises(ConfigError, match=r"data\.path must list files with different reviews .*one\.csv.*other\.csv"):
        own_jobs(tmp_path, *([f"data.path={file}"] for file in files))


def test_the_time_of_a_variant_without_a_complete_run_is_unknown(tmp_path):
    words = [f"paths.runs={tmp_path}/runs", "seed=1"]
    begin(compose_config(words))
    jobs, _ = plan_jobs([words, [words[0], "seed=2"]], compose_config)
    first, second = forecast(jobs)
    assert (first.state, first.seconds) == ("interrupted", None)
    assert (second.state, second.seconds) == ("new", None)
