"""Run folders that an earlier version wrote: they load, predict, and resume."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sentiment_lab.analysis.predictions import read_test_predictions
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import config_hash
from sentiment_lab.models.classifier import load_classifier
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.integrity import find_damage
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.result import result_from_plain, result_to_plain
from sentiment_lab.training.scores import SCORES

GOLDEN = Path(__file__).parent.parent / "golden"
GRU, NB_SVM, INTERRUPTED = "17284a02b647", "ae16f0781561", "7504183ad33e"
COMPLETE = pytest.mark.parametrize("short_hash", [GRU, NB_SVM])
TEXTS = ["a superb film", "you can't trust the poster", "a tedious mess!"]
PROBABILITIES = {
    GRU: [0.5061405897140503, 0.5182539224624634, 0.5145921111106873],
    NB_SVM: [0.513193666934967, 0.5344891548156738, 0.5111463665962219],
}
"""Predictions of the version that wrote the folders."""
TIMES = {"epoch_seconds", "tokens_per_second", "train_seconds", "predict_reviews_per_second"}
SAME_PROCESS = "launch.threads=null"
"""Another number of threads cannot be set once TensorFlow runs; it is not part of the config hash."""


def stored(short_hash: str) -> RunFolder:
    return RunFolder(GOLDEN / "runs" / short_hash)


@pytest.mark.parametrize("short_hash", [GRU, NB_SVM, INTERRUPTED])
def test_overrides_compose_the_config_of_the_stored_hash(short_hash):
    run = stored(short_hash)
    config = compose_config(run.overrides())
    assert config_hash(config) == run.config_hash
    assert config_hash(config).startswith(short_hash)
    assert run.environment()["keras"]


@pytest.mark.parametrize(
    ("short_hash", "state"), [(GRU, "complete"), (NB_SVM, "complete"), (INTERRUPTED, "interrupted")]
)
def test_no_damage_is_found(short_hash, state):
    assert stored(short_hash).state == state
    assert find_damage(stored(short_hash)) == []


@COMPLETE
def test_results_and_journals_agree(short_hash):
    run = stored(short_hash)
    result, epochs = run.result(), [event for event in run.events() if event["event"] == "epoch"]
    assert [event["train_loss"] for event in epochs] == [epoch.train_loss for epoch in result.epochs]
    assert run.events()[-1]["weights_digest"] == result.weights_digest
    assert result_from_plain(result_to_plain(result)) == result
    assert set(result.test.by_name()) == {"accuracy", "loss", "f1", "roc_auc", "ece"}


@COMPLETE
def test_every_score_follows_from_the_stored_predictions(short_hash):
    run = stored(short_hash)
    predictions = read_test_predictions(run)
    assert len(predictions.labels) == len(run.predictions().query("part == 'test'")) == 12
    computed = {name: score.function(predictions.labels, predictions.probabilities) for name, score in SCORES.items()}
    assert computed == pytest.approx(run.result().test.by_name(), abs=1e-6)


@COMPLETE
def test_models_predict(short_hash):
    classifier = load_classifier(stored(short_hash).model)
    assert classifier.predict_probabilities(TEXTS).tolist() == pytest.approx(PROBABILITIES[short_hash], abs=1e-3)


def without_times(plain: dict) -> dict:
    return {key: value for key, value in plain.items() if key not in TIMES}


def test_an_interrupted_run_resumes_to_the_numbers_of_its_own_version(tmp_path):
    shutil.copytree(stored(INTERRUPTED).path, tmp_path / "runs" / INTERRUPTED)
    overrides = [*stored(INTERRUPTED).overrides(), SAME_PROCESS]
    overrides += [f"paths.{name}={tmp_path / name}" for name in ("runs", "cache", "store")]
    job = Job(compose_config(overrides), overrides, "gru")
    resumed = result_to_plain(execute(job))
    assert [event["epoch"] for event in job.folder.events() if event["event"] == "resumed"] == [2]
    assert find_damage(job.folder) == []
    expected = json.loads((GOLDEN / "resumed.json").read_text(encoding="utf-8"))
    for epoch, other in zip(resumed.pop("epochs"), expected.pop("epochs"), strict=True):
        assert without_times(epoch) == pytest.approx(without_times(other), rel=1e-4)
    assert resumed.pop("test") == pytest.approx(expected.pop("test"), abs=1e-4)
    for plain in (resumed, expected):
        del plain["weights_digest"], plain["execution_path"]  # other processors round differently
    assert without_times(resumed) == without_times(expected)
