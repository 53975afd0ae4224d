"""The mirror in MLflow: names, numbers, statuses, a store that is away."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.store import open_store
from sentiment_lab.training.epoch_loop import TrainingError

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
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len(found) == 1
    return client, found[0]


def test_a_run_is_mirrored_whole(tracked):
    config = compose_config([*tracked, "study.name=mine"])
    result = execute(Job(config, tracked, "bilstm"))
    client, run = the_run(tracked, "mine")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "bilstm seed=0"
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


@pytest.mark.parametrize(
    "preset",
    ["simple_rnn", "gru", "lstm", "bilstm", "bigru", "stacked_lstm", "stacked_bilstm", "nb_svm", "tfidf_logistic"],
)
def test_the_logged_model_takes_raw_text(preset, tracked, monkeypatch):
    linear = preset in ("nb_svm", "tfidf_logistic")
    overrides = [text for text in tracked if not (linear and text.startswith("model."))]
    one = Job(compose_config([*overrides, f"model={preset}", "training.epochs=1"]), overrides, preset)
    execute(one)
    from sentiment_lab.config.resources import cache_folder
    from sentiment_lab.data.dataset import build_dataset

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


def test_a_failure_and_its_reason_are_mirrored(tracked):
    overrides = [*tracked, "optimizer=sgd", "optimizer.learning_rate=1e38", "optimizer.global_clipnorm=null"]
    with pytest.raises(TrainingError):
        execute(Job(compose_config(overrides), overrides, "bilstm"))
    _, run = the_run(tracked)
    assert run.info.status == "FAILED"
    assert "the loss became" in run.data.tags["reason"]


def test_a_kill_is_mirrored(tracked, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt("stopped by SIGTERM")

    monkeypatch.setattr("sentiment_lab.training.train.train_and_evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(Job(compose_config(tracked), tracked, "bilstm"))
    _, run = the_run(tracked)
    assert (run.info.status, run.data.tags["reason"]) == ("KILLED", "stopped by SIGTERM")


def test_a_store_that_is_away_stops_no_run(tracked, capsys):
    overrides = [*tracked, "tracking.uri=sqlite:////proc/nowhere/mlflow.db"]
    one = Job(compose_config(overrides), overrides, "bilstm")
    execute(one)
    assert one.folder.state == "complete"
    assert capsys.readouterr().err.count("the run goes on in its folder") == 1


def test_a_store_that_fails_on_the_way_leaves_no_run_running(tracked, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError("disk full")

    one = Job(compose_config(tracked), tracked, "bilstm")
    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.tracking.run_mirror.log_text_model", refuse)
        execute(one)
    _, run = the_run(tracked)
    assert run.info.status == "FINISHED"
    assert "disk full" in capsys.readouterr().err
    execute(one)
    client, run = the_run(tracked)
    assert len(client.search_logged_models([run.info.experiment_id])) == 1, "the next command made it good"


def test_a_sweep_is_a_parent_with_its_jobs_below(tracked, tmp_path, capsys):
    jobs, _ = plan_jobs(
        [[*tracked, f"model={model}", f"seed={seed}"] for model in ("gru", "lstm") for seed in (1, 2)], compose_config
    )
    outcomes = run_sweep(jobs, ["model=gru,lstm", "seed=1,2"])
    assert all(outcome.result for outcome in outcomes)
    client = client_of(tracked)
    runs = client.search_runs([client.get_experiment_by_name("default").experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [parent.info.run_name for parent in parents] == ["gru, lstm: 4 runs"]
    children = {run.info.run_name for run in runs if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id}
    assert children == {"gru seed=1", "gru seed=2", "lstm seed=1", "lstm seed=2"}
    assert {run.data.tags.get("variant") for run in runs} == {"gru", "lstm", None}
    assert {run.data.tags["mlflow.runType"] for run in runs if run not in parents} == {"evaluation"}, "opened in the UI"
    assert "| gru | 2 |" in parents[0].data.tags["mlflow.note.content"]
    (log,) = (tmp_path / "sweeps").iterdir()
    assert len(json.loads((log / "jobs.json").read_text())["jobs"]) == 4
    assert "gru" in capsys.readouterr().err


def test_a_bad_job_fails_alone(tracked, tmp_path, capsys):
    jobs, _ = plan_jobs(
        [[*tracked, "tracking=none", "optimizer=sgd", f"optimizer.learning_rate={rate}"] for rate in (0.1, 1e38, 0.2)],
        compose_config,
    )
    outcomes = run_sweep(jobs, [])
    assert [outcome.result is not None for outcome in outcomes] == [True, False, True]
    shown = capsys.readouterr().err
    assert "failed: bilstm learning_rate=1e+38 seed=0" in shown
    assert "sentiment-lab train" in shown
    assert "the loss became" in outcomes[1].reason
    assert list((tmp_path / "sweeps").glob("*/*.trace.txt"))


def test_a_run_with_the_mark_of_another_is_mirrored_all_the_same(tracked):
    words = [[*tracked, "training.epochs=1", f"seed={seed}"] for seed in (1, 2)]
    one, other = (Job(compose_config(each), each, "bilstm") for each in words)
    execute(Job(compose_config([*words[0], "tracking=none"]), words[0], "bilstm"))
    execute(other)
    shutil.copy(other.folder.path / "mirror.json", one.folder.path)
    execute(one)
    client = client_of(tracked)
    found = client.search_runs([client.get_experiment_by_name("default").experiment_id])
    assert {run.info.run_name for run in found} == {"bilstm seed=1", "bilstm seed=2"}


def test_a_store_whose_making_was_cut_short_is_made_anew(tmp_path, monkeypatch):
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


def test_the_environment_names_server_and_experiment(monkeypatch, tmp_path):
    config = compose_config([f"paths.store={tmp_path}"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert open_store(config.tracking, config.paths).uri == "http://127.0.0.1:9"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    store = open_store(config.tracking, config.paths)
    assert store.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert store.artifacts == tmp_path / "artifacts"
