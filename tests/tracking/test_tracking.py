"""The mirror of runs and sweeps in MLflow: names, numbers, statuses, failures of the store."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.store import open_store
from sentiment_lab.training.epoch_loop import TrainingError
from tests.tiny import job_of

METRICS = {
    *("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate", "epoch_seconds"),
    *("tokens_per_second", "best_validation_accuracy", "best_epoch", "test_accuracy", "test_loss", "test_f1"),
    *("test_roc_auc", "test_ece", "parameters", "train_seconds", "predict_reviews_per_second"),
}
TAGS = {
    *("config_hash", "variant_hash", "data_hash", "split_hash", "code_version", "env_version", "weights_digest"),
    *("study", "execution_path"),
}
FIGURES = {"accuracy", "loss", "confusion_matrix", "roc", "calibration", "accuracy_by_length"}


def client_of(overrides):
    config = compose_config(overrides)
    return open_store(config.tracking, config.paths).client


def the_run(overrides, experiment="default"):
    client = client_of(overrides)
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return client, run


def test_a_run_is_mirrored_completely(tracked):
    result = execute(job_of([*tracked, "model=gru", "study.name=mine"], "gru"))
    client, run = the_run(tracked, "mine")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "gru seed=0"
    assert set(run.data.metrics) >= METRICS
    assert set(run.data.tags) >= TAGS
    assert run.data.params["model.units"] == "[4]"
    assert run.data.metrics["test_accuracy"] == result.test.accuracy
    history = client.get_metric_history(run.info.run_id, "validation_loss")
    assert [(point.step, point.value) for point in history] == [(e.epoch, e.validation_loss) for e in result.epochs]
    figures = {Path(item.path).stem for item in client.list_artifacts(run.info.run_id, "figures")}
    assert figures == FIGURES
    datasets = run.inputs.dataset_inputs
    assert {item.tags[0].value for item in datasets} == {"train", "validation", "test"}
    assert {item.dataset.digest for item in datasets} == {result.data_hash[:36]}


MORE_PRESETS = ["gru", "lstm", "bilstm", "bigru", "stacked_lstm", "stacked_bilstm", "tfidf_logistic"]


@pytest.mark.parametrize(
    "preset", ["simple_rnn", "nb_svm", *(pytest.param(name, marks=pytest.mark.slow) for name in MORE_PRESETS)]
)
def test_the_logged_model_takes_raw_text(preset, tracked, monkeypatch):
    linear = preset in ("nb_svm", "tfidf_logistic")
    overrides = [word for word in tracked if not (linear and word.startswith("model."))]
    fast = ["training.epochs=1", "tracking.system_metrics=false", "tracking.figures=false"]
    one = job_of([*overrides, f"model={preset}", *fast], preset)
    execute(one)
    client, run = the_run(tracked)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    mlflow.set_tracking_uri(client.tracking_uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    texts = build_dataset(one.config, cache_folder(one.config)).texts("test")
    predictions = pd.read_parquet(one.folder.path / "predictions.parquet").query("part == 'test'")
    for given in (texts, pd.DataFrame({"review": texts})):
        answer = model.predict(given)
        assert np.abs(answer["probability"].to_numpy() - predictions["probability"].to_numpy()).max() <= 1e-6
        assert ((answer["label"] == "positive") == (answer["probability"] > 0.5)).all()


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (TrainingError("the loss became nan"), "FAILED", "TrainingError: the loss became nan"),
        (KeyboardInterrupt("stopped by SIGTERM"), "KILLED", "stopped by SIGTERM"),
    ],
    ids=["failed", "killed"],
)
def test_an_early_end_is_mirrored_with_its_reason(error, status, reason, tracked_linear, monkeypatch):
    def end(*_):
        raise error

    monkeypatch.setattr("sentiment_lab.training.train.train_and_evaluate", end)
    with pytest.raises(type(error)):
        execute(job_of(tracked_linear))
    _, run = the_run(tracked_linear)
    assert (run.info.status, run.data.tags["reason"]) == (status, reason)


def test_a_run_completes_without_its_store(tracked_linear, capsys):
    one = job_of([*tracked_linear, "tracking.uri=sqlite:////proc/nowhere/mlflow.db"])
    execute(one)
    assert one.folder.state == "complete"
    assert capsys.readouterr().err.count("training continues in the run folder") == 1


def test_a_store_that_fails_at_the_end_has_no_run_as_running(tracked_linear, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError("disk full")

    one = job_of(tracked_linear)
    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.tracking.run_mirror.log_text_model", refuse)
        execute(one)
    _, run = the_run(tracked_linear)
    assert run.info.status == "FINISHED"
    assert "disk full" in capsys.readouterr().err
    execute(one)
    client, run = the_run(tracked_linear)
    assert len(client.search_logged_models([run.info.experiment_id])) == 1, "the next command adds the model"


def test_a_sweep_is_a_parent_run_with_its_jobs_as_children(tracked_linear, tmp_path, capsys):
    words = [*tracked_linear, "tracking.model=false"]
    models = ("nb_svm", "tfidf_logistic")
    overrides = [[*words, f"model={model}", f"seed={seed}"] for model in models for seed in (1, 2)]
    jobs, _ = plan_jobs(overrides, compose_config)
    outcomes = run_sweep(jobs, ["model=nb_svm,tfidf_logistic", "seed=1,2"])
    assert all(outcome.result for outcome in outcomes)
    client = client_of(tracked_linear)
    runs = client.search_runs([client.get_experiment_by_name("default").experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [parent.info.run_name for parent in parents] == ["nb_svm, tfidf_logistic: 4 runs"]
    children = {run.info.run_name for run in runs if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id}
    assert children == {f"{model} seed={seed}" for model in models for seed in (1, 2)}
    assert {run.data.tags.get("variant") for run in runs} == {*models, None}
    assert {run.data.tags["mlflow.runType"] for run in runs if run not in parents} == {"evaluation"}, "opened in the UI"
    assert "| nb_svm | 2 |" in parents[0].data.tags["mlflow.note.content"]
    (log,) = (tmp_path / "sweeps").iterdir()
    assert len(json.loads((log / "jobs.json").read_text())["jobs"]) == 4
    assert "nb_svm" in capsys.readouterr().err


def test_a_job_that_fails_ends_no_other(linear, tmp_path, capsys):
    jobs, _ = plan_jobs([[*linear, f"seed={seed}"] for seed in (1, 2, 3)], compose_config)
    jobs[1].folder.path.mkdir(parents=True)
    (jobs[1].folder.path / "config.json").mkdir()  # this run cannot write its config
    outcomes = run_sweep(jobs, [])
    assert [outcome.result is not None for outcome in outcomes] == [True, False, True]
    assert outcomes[1].error == "StorageError"
    shown = capsys.readouterr().err
    assert f"failed: nb_svm seed=2\n  StorageError: {jobs[1].folder.path} cannot be written" in shown
    assert "  sentiment-lab train model=nb_svm " in shown
    assert list((tmp_path / "sweeps").glob("*/*.trace.txt"))


def test_a_run_with_the_mark_of_another_run_is_mirrored(tracked_linear):
    words = [[*tracked_linear, "tracking.model=false", f"seed={seed}"] for seed in (1, 2)]
    one, other = map(job_of, words)
    execute(job_of([*words[0], "tracking=none"]))
    execute(other)
    shutil.copy(other.folder.path / "mirror.json", one.folder.path)
    execute(one)
    client = client_of(tracked_linear)
    found = client.search_runs([client.get_experiment_by_name("default").experiment_id])
    assert {run.info.run_name for run in found} == {"bilstm seed=1", "bilstm seed=2"}


def test_a_store_whose_creation_was_interrupted_is_created_again(tmp_path, monkeypatch):
    config = compose_config([f"paths.store={tmp_path}"])
    database, unfinished = tmp_path / "mlflow.db", tmp_path / "mlflow.db.building"

    def die(uri):
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"half a store")
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.tracking.store.MlflowClient", die)
        with pytest.raises(KeyboardInterrupt):
            open_store(config.tracking, config.paths).client.search_experiments()
    monkeypatch.undo()
    assert (unfinished.exists(), database.exists()) == (True, False)
    assert open_store(config.tracking, config.paths).experiment_id("mine") == "1"
    assert [path.name for path in tmp_path.glob("mlflow.db*")] == ["mlflow.db"]


def test_an_environment_variable_sets_the_store(monkeypatch, tmp_path):
    config = compose_config([f"paths.store={tmp_path}"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert open_store(config.tracking, config.paths).uri == "http://127.0.0.1:9"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    store = open_store(config.tracking, config.paths)
    assert store.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert store.artifacts == tmp_path / "artifacts"
