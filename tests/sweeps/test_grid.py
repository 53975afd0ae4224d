"""The jobs of a grid: checked all at once, named by what differs, equal ones merged."""

from __future__ import annotations

import pytest

from benchmarks.synthetic import begin
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.sweeps.forecast import forecast
from sentiment_lab.sweeps.grid import name_variants, plan_jobs


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


def test_the_time_of_a_variant_without_a_complete_run_is_unknown(tmp_path):
    words = [f"paths.runs={tmp_path}/runs", "seed=1"]
    begin(compose_config(words))
    jobs, _ = plan_jobs([words, [words[0], "seed=2"]], compose_config)
    first, second = forecast(jobs)
    assert (first.state, first.seconds) == ("interrupted", None)
    assert (second.state, second.seconds) == ("new", None)
