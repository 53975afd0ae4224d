"""Executing one job: its files, its repetition bit for bit, its model, its failure."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.data.reviews import DataError
from sentiment_lab.models.backend import keras, tf
from sentiment_lab.models.classifier import load_classifier
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps import execution
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.epoch_loop import TrainingError
from sentiment_lab.training.train import train_and_evaluate
from tests.tiny import TINY, job_of, locations, write_reviews

SMALL_GRU = ("model=gru", "data.reviews=60", "training.epochs=1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cache):
    """A complete run: its folder's root, its overrides without locations, and its result."""
    root = tmp_path_factory.mktemp("trained")
    words = [*TINY, "model=gru", "tracking=none"]
    return root, words, execute(job_of([*words, *locations(root, cache)]))


@pytest.fixture
def complete(trained, tmp_path, cache):
    """A job whose run is complete, in a folder that a test may change."""
    root, words, _ = trained
    shutil.copytree(root, tmp_path / "copy")
    return job_of([*words, *locations(tmp_path / "copy", cache)])


def test_a_run_leaves_all_files_and_its_result_last(complete, trained):
    _, _, result = trained
    folder = complete.folder
    assert folder.state == "complete"
    assert folder.result() == result
    names = {path.name for path in folder.path.iterdir()}
    first = {"config.json", "overrides.yaml", "environment.txt", "journal.jsonl"}
    assert names >= first | {"model", "predictions.parquet", "result.json"}
    assert not [name for name in names if name.endswith(".building")]
    events = [event["event"] for event in folder.events()]
    assert events == ["started", "data", "epoch", "epoch", "completed"]
    predictions = pd.read_parquet(folder.path / "predictions.parquet")
    assert predictions.groupby("part").size().to_dict() == {"test": 24, "validation": 12}
    test = predictions[predictions["part"] == "test"]
    assert ((test["probability"] > 0.5) == (test["label"] == 1)).mean() == pytest.approx(result.test.accuracy)


def test_the_same_config_gives_the_same_weights_whatever_ran_before(complete, trained, linear):
    _, _, first = trained
    execute(job_of(linear))
    other = execute(job_of([*complete.overrides, "seed=9", "optimizer=lion"]))
    keras.config.set_floatx("float64")
    keras.config.set_epsilon(0.1)
    keras.config.set_dtype_policy("mixed_bfloat16")
    tf.config.run_functions_eagerly(True)
    again = execute(complete, force=True)
    assert again.weights_digest == first.weights_digest
    assert again.test == first.test
    assert other.weights_digest != first.weights_digest


def test_a_complete_run_is_read_and_not_trained_again(complete, trained, monkeypatch):
    monkeypatch.setattr(execution, "_train", lambda *_: pytest.fail("trained again"))
    assert execute(complete) == trained[2]


PRESETS = ["simple_rnn", "gru", "stacked_bilstm"]
MORE_PRESETS = ["lstm", "bilstm", "bigru", "stacked_lstm"]


@pytest.mark.parametrize("preset", [*PRESETS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE_PRESETS)])
def test_the_saved_network_gives_the_predictions_of_the_run(preset, tiny):
    units = "[4,4]" if preset.startswith("stacked") else "[4]"
    words = [*tiny, *SMALL_GRU, f"model={preset}", f"model.units={units}", "model.pooling=max_mean"]
    if preset == "gru":
        words += ["text.padding=left", "text.max_length=20"]
    assert _largest_difference(job_of(words)) <= 1e-6


@pytest.mark.parametrize("baseline", ["tfidf_logistic", "nb_svm"])
def test_the_saved_linear_model_gives_the_predictions_of_the_run(baseline, linear):
    one = job_of([*linear, f"model={baseline}"])
    assert _largest_difference(one) <= 1e-6
    assert one.folder.result().execution_path == "cpu:scikit-learn"


def _largest_difference(one):
    """Return the largest difference between the stored probabilities and those of the loaded model."""
    execute(one)
    dataset = build_dataset(one.config, cache_folder(one.config))
    predictions = pd.read_parquet(one.folder.path / "predictions.parquet")
    test = predictions[predictions["part"] == "test"]
    assert test["review_id"].tolist() == dataset.test.ids.tolist()
    again = load_classifier(one.folder.model).predict_probabilities(dataset.texts("test"))
    return np.abs(again - test["probability"].to_numpy()).max()


def test_the_article_protocol_uses_the_test_part_as_validation(linear):
    one = job_of([*linear, "split=article", "split.train=100", "split.test=20", "training=article"])
    result = execute(one)
    assert result.validation_is_test
    assert result.epochs[-1].validation_accuracy == pytest.approx(result.test.accuracy)
    assert set(pd.read_parquet(one.folder.path / "predictions.parquet")["part"]) == {"test"}


def test_a_complete_run_is_no_answer_for_a_file_in_another_order_where_the_split_depends_on_it(tmp_path, cache):
    file = write_reviews(tmp_path / "reviews.csv")
    sizes = ["split=article", "split.train=90", "split.test=30"]
    words = ["model=nb_svm", "data=imdb", f"data.path={file}", "tracking=none", *locations(tmp_path, cache), *sizes]
    result = execute(job_of(words))
    assert execute(job_of(words)) == result
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([header, *reversed(rows)]), encoding="utf-8")
    with pytest.raises(RunError, match=r"is complete on another split: .* use that file, or replace the run"):
        execute(job_of(words))


def test_training_settings_run_and_repeat_bit_for_bit(tiny):
    settings = [
        *("training.averaging=ema", "training.label_smoothing=0.1", "training.monitor=validation_accuracy"),
        *("training.batching=shuffled", "training.selection=last", "model.pooling=max_mean"),
        *("optimizer.global_clipnorm=1", "optimizer.schedule=cosine"),
    ]
    one = job_of([*tiny, *SMALL_GRU, *settings])
    assert execute(one).weights_digest == execute(one, force=True).weights_digest


def test_a_loss_that_is_not_finite_fails_with_step_and_cause(tiny):
    words = ["optimizer=sgd", "optimizer.learning_rate=1e38", "optimizer.global_clipnorm=null"]
    one = job_of([*tiny, *SMALL_GRU, *words])
    message = r"the loss became (nan|inf) at epoch 1, step \d+ of \d+; .* optimizer\.learning_rate"
    with pytest.raises(TrainingError, match=message):
        execute(one)
    assert one.folder.state == "failed"
    assert "the loss became" in one.folder.events()[-1]["reason"]


def test_an_interrupted_run_is_not_failed(linear, monkeypatch):
    one = job_of(linear)

    def interrupt(*_):
        raise KeyboardInterrupt("stopped by SIGTERM")

    monkeypatch.setattr("sentiment_lab.training.train.train_and_evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(one)
    assert one.folder.state == "interrupted"
    assert one.folder.events()[-1] == {**one.folder.events()[-1], "event": "killed", "reason": "stopped by SIGTERM"}


def test_training_needs_only_config_dataset_and_callback(tiny, tmp_path, monkeypatch):
    config = compose_config([*tiny, "model=simple_rnn"])
    dataset = build_dataset(config, cache_folder(config))
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    steps = []

    class StepRecorder(Callback):
        def batch_ended(self, progress):
            steps.append((progress.epoch, progress.step, progress.steps))

    outcome = train_and_evaluate(config, dataset, StepRecorder())
    assert not list(empty.iterdir())
    assert steps == [(epoch, step, 6) for epoch in (1, 2) for step in range(1, 7)]
    assert outcome.result.test.by_name().keys() == {"accuracy", "loss", "f1", "roc_auc", "ece"}


def test_a_missing_data_file_leaves_no_run_folder(tmp_path):
    words = ["data=imdb", f"data.path={tmp_path}/none.csv", "tracking=none", f"paths.runs={tmp_path}/runs"]
    with pytest.raises(DataError, match=r"data.path names .*none.csv, which does not exist"):
        execute(Job(compose_config(words), words, "bilstm"))
    assert not (tmp_path / "runs").exists()
