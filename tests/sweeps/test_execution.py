"""One run, whole: what it leaves, what it repeats, how it ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.data.reviews import DataError
from sentiment_lab.models.classifier import load_classifier
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps import execution as run_module
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.epoch_loop import TrainingError

PRESETS = ["simple_rnn", "gru", "lstm", "bilstm", "bigru", "stacked_lstm", "stacked_bilstm"]


def job(overrides):
    return Job(compose_config(overrides), overrides, "tiny")


def test_a_run_leaves_everything_and_its_result_last(tiny):
    one = job(tiny)
    result = execute(one)
    folder = one.folder
    assert folder.state == "complete"
    assert folder.result() == result
    names = {path.name for path in folder.path.iterdir()}
    assert {
        "config.json",
        "overrides.yaml",
        "environment.txt",
        "journal.jsonl",
        "model",
        "predictions.parquet",
    } <= names
    assert not [name for name in names if name.endswith(".building")]
    events = [event["event"] for event in folder.events()]
    assert events == ["started", "data", "epoch", "epoch", "completed"]
    predictions = pd.read_parquet(folder.path / "predictions.parquet")
    assert predictions.groupby("part").size().to_dict() == {"test": 24, "validation": 12}
    test = predictions[predictions["part"] == "test"]
    assert ((test["probability"] > 0.5) == (test["label"] == 1)).mean() == pytest.approx(result.test.accuracy)


def test_the_same_config_gives_the_same_weights_whatever_ran_before(tiny):
    first = execute(job(tiny), force=True)
    for other in (["model=simple_rnn"], ["model=nb_svm"], ["seed=5", "optimizer=lion"]):
        if other == ["model=nb_svm"]:
            execute(job([*(text for text in tiny if not text.startswith("model.")), *other]))
        else:
            execute(job([*tiny, *other]))
    again = execute(job(tiny), force=True)
    assert again.weights_digest == first.weights_digest
    assert again.test == first.test
    assert execute(job([*tiny, "seed=9"])).weights_digest != first.weights_digest


def test_a_complete_run_is_shown_and_not_trained_again(tiny, monkeypatch):
    first = execute(job(tiny))
    monkeypatch.setattr(run_module, "_train", lambda *_: pytest.fail("trained again"))
    assert execute(job(tiny)) == first


def test_a_complete_run_on_other_reviews_is_refused(tiny, tmp_path):
    lines = [f'"review {index} was {word}",{word}ive' for index in range(60) for word in ("posit", "negat")]
    file = tmp_path / "reviews.csv"
    file.write_text("review,sentiment\n" + "\n".join(lines), encoding="utf-8")
    overrides = [text for text in tiny if not text.startswith("data.")] + ["data=imdb", f"data.path={file}"]
    execute(job(overrides))
    file.write_text("review,sentiment\n" + "\n".join(lines[:-2]), encoding="utf-8")
    with pytest.raises(RunError, match=r"was trained on other reviews .* data\.expect="):
        execute(job(overrides))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_saved_model_gives_the_predictions_of_the_run(preset, tiny):
    units = "[4,4]" if preset.startswith("stacked") else "[4]"
    one = job([*tiny, f"model={preset}", f"model.units={units}", "training.epochs=1", "model.pooling=max_mean"])
    execute(one)
    assert _largest_difference(one) <= 1e-6


def test_a_model_saved_with_left_padding_pads_on_the_left(tiny):
    one = job([*tiny, "text.padding=left", "text.max_length=20"])
    execute(one)
    assert _largest_difference(one) <= 1e-6


@pytest.mark.parametrize("baseline", ["tfidf_logistic", "nb_svm"])
def test_a_saved_baseline_gives_the_predictions_of_the_run(baseline, tiny):
    one = job([*(text for text in tiny if not text.startswith("model.")), f"model={baseline}"])
    result = execute(one)
    assert result.execution_path == "cpu:scikit-learn"
    assert _largest_difference(one) <= 1e-6


def _largest_difference(one):
    from sentiment_lab.data.dataset import build_dataset

    dataset = build_dataset(one.config, cache_folder(one.config))
    predictions = pd.read_parquet(one.folder.path / "predictions.parquet")
    test = predictions[predictions["part"] == "test"]
    assert test["review_id"].tolist() == dataset.test.ids.tolist()
    again = load_classifier(one.folder.model).predict_probabilities(dataset.texts("test"))
    return np.abs(again - test["probability"].to_numpy()).max()


def test_the_article_follows_its_test_part_by_name(tiny):
    one = job([*tiny, "split=article", "split.train=100", "split.test=20", "training=article", "training.epochs=2"])
    result = execute(one)
    assert result.validation_is_test
    assert result.epochs[-1].validation_accuracy == pytest.approx(result.test.accuracy)
    assert set(pd.read_parquet(one.folder.path / "predictions.parquet")["part"]) == {"test"}


@pytest.mark.parametrize(
    "settings",
    [
        ["training.averaging=ema"],
        ["text.padding=left", "text.max_length=20", "model.pooling=max_mean"],
        ["training.label_smoothing=0.1", "optimizer.global_clipnorm=1", "optimizer.schedule=cosine"],
        ["model.dropout=0.3", "model.embedding_dropout=0.2", "model.recurrent_dropout=0.1"],
        ["training.batching=shuffled", "training.selection=last", "training.monitor=validation_accuracy"],
        ["training.epochs=5", "training.patience=1", "optimizer=sgd"],
    ],
    ids=lambda settings: settings[0],
)
def test_every_training_setting_runs_and_repeats(settings, tiny):
    one = job([*tiny, *settings])
    assert execute(one).weights_digest == execute(one, force=True).weights_digest


def test_a_loss_that_is_not_finite_fails_with_step_and_cause(tiny):
    one = job([*tiny, "optimizer=sgd", "optimizer.learning_rate=1e38", "optimizer.global_clipnorm=null"])
    with pytest.raises(
        TrainingError, match=r"the loss became (nan|inf) at epoch 1, step \d+ of \d+; .* optimizer\.learning_rate"
    ):
        execute(one)
    assert one.folder.state == "failed"
    assert "the loss became" in one.folder.events()[-1]["reason"]


def test_an_interruption_is_told_apart_from_a_failure(tiny, monkeypatch):
    one = job(tiny)

    def interrupt(*_):
        raise KeyboardInterrupt("stopped by SIGTERM")

    monkeypatch.setattr("sentiment_lab.training.train.train_and_evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(one)
    assert one.folder.state == "interrupted"
    assert one.folder.events()[-1] == {**one.folder.events()[-1], "event": "killed", "reason": "stopped by SIGTERM"}


def test_training_knows_nothing_but_config_dataset_and_observer(tiny, tmp_path, monkeypatch):
    from sentiment_lab.data.dataset import build_dataset
    from sentiment_lab.training.callbacks import Callback
    from sentiment_lab.training.train import train_and_evaluate

    config = compose_config(tiny)
    dataset = build_dataset(config, cache_folder(config))
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    heard = []

    class Ear(Callback):
        def batch_ended(self, progress):
            heard.append((progress.epoch, progress.step, progress.steps))

    outcome = train_and_evaluate(config, dataset, Ear())
    assert not list(empty.iterdir())
    assert heard == [(epoch, step, 6) for epoch in (1, 2) for step in range(1, 7)]
    assert outcome.result.test.by_name().keys() == {"accuracy", "loss", "f1", "roc_auc", "ece"}


def test_named_data_that_is_not_there_leaves_no_run(tmp_path):
    words = ["data=imdb", f"data.path={tmp_path}/none.csv", "tracking=none", f"paths.runs={tmp_path}/runs"]
    with pytest.raises(DataError, match=r"data.path names .*none.csv, which does not exist"):
        execute(Job(compose_config(words), words, "bilstm"))
    assert not (tmp_path / "runs").exists()
