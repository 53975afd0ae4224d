"""What a user deleted in MLflow stays deleted, and all commands name it with the command that restores it."""

from __future__ import annotations

import re
import shutil

import pytest

from sentiment_lab.cli.diagnosis import examine
from sentiment_lab.cli.doctor import doctor
from sentiment_lab.cli.finding import Finding
from sentiment_lab.cli.promote import promote
from sentiment_lab.cli.sync import sync
from sentiment_lab.config.compose import compose_config
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.store import DeletedError, open_store
from tests.tiny import job_of, only_locations


@pytest.fixture
def one(tracked_linear):
    """A complete run, its MLflow run, and its store."""
    job = job_of(tracked_linear)
    execute(job)
    store = open_store(job.config.tracking, job.config.paths)
    (run,) = store.search("attributes.status != ''")
    return job, run, store


def delete_run(store, run):
    store.client.delete_run(run.info.run_id)
    return f"mlflow runs restore --run-id {run.info.run_id}", store.client.restore_run, run.info.run_id


def delete_experiment(store, run):
    number = run.info.experiment_id
    store.client.delete_experiment(number)
    return f"mlflow experiments restore --experiment-id {number}", store.client.restore_experiment, number


def count(store):
    return len(list(store.search("attributes.status != ''")))


@pytest.mark.parametrize("delete", [delete_run, delete_experiment])
def test_all_commands_name_what_was_deleted_and_how_to_restore_it(delete, one, tracked_linear, capsys):
    job, run, store = one
    places = only_locations(tracked_linear)
    command, restore, number = delete(store, run)
    capsys.readouterr()
    for fix in (False, True, False):
        assert doctor(places, fix=fix, as_json=False) == 1
        shown = capsys.readouterr().out
        assert f"restore it with: MLFLOW_TRACKING_URI={store.uri} {command}" in shown
        assert "fixed: " not in shown
    assert sync(places) == 1
    assert command in capsys.readouterr().err
    with pytest.raises(DeletedError, match=re.escape(command)):
        promote(job.folder.short_hash, "champion", "sentiment", places, as_json=False)
    execute(job)
    assert command in capsys.readouterr().err
    assert count(store) == 1
    restore(number)
    assert sync(places) == 0
    assert doctor(places, fix=False, as_json=False) == 0
    assert promote(job.folder.short_hash, "champion", "sentiment", places, as_json=False) == 0


def test_a_new_run_of_a_deleted_experiment_is_not_reported_as_fixed(one, tracked_linear, capsys):
    _, run, store = one
    places = only_locations(tracked_linear)
    command, restore, number = delete_experiment(store, run)
    new = job_of([*tracked_linear, "seed=5"])
    execute(new)
    assert command in capsys.readouterr().err
    for _ in range(2):
        assert doctor(places, fix=True, as_json=False) == 1
        shown = capsys.readouterr()
        assert f"run {new.folder.short_hash} is not in" in shown.out
        assert "fixed: " not in shown.out
        assert shown.err.rstrip().endswith("2 problems, 2 left")
    restore(number)
    assert doctor(places, fix=True, as_json=False) == 0
    assert count(store) == 2


@pytest.mark.parametrize(
    ("lost", "command"),
    [
        ("model", "sync"),
        ("run files", "doctor"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("model", "train"), ("model files", "doctor"), ("run files", "sync"))
        ),
    ],
)
def test_artifacts_that_the_run_folder_still_has_are_mirrored_again(lost, command, one, tracked_linear, capsys):
    job, run, store = one
    places = only_locations(tracked_linear)
    (model,) = store.client.search_logged_models([run.info.experiment_id])
    if lost == "model":
        store.client.delete_logged_model(model.model_id)
    else:
        shutil.rmtree(store.artifacts / ("models" if lost == "model files" else run.info.run_id))
    assert doctor(places, fix=False, as_json=False) == 1
    expected = {"model": "its model was deleted in MLflow", "model files": "its model is not at"}
    assert expected.get(lost, "its files are not at") in capsys.readouterr().out
    if command == "doctor":
        assert doctor(places, fix=True, as_json=False) == 0
    elif command == "sync":
        assert sync(places) == 0
    else:
        execute(job)
    assert doctor(places, fix=False, as_json=False) == 0
    assert promote(job.folder.short_hash, "champion", "sentiment", places, as_json=False) == 0


def test_a_registered_version_without_its_model_is_named_and_promoting_again_registers_it(one, tracked_linear, capsys):
    job, run, store = one
    places = only_locations(tracked_linear)
    words = (job.folder.short_hash, "champion", "sentiment", places)
    assert promote(*words, as_json=False) == 0
    (model,) = store.client.search_logged_models([run.info.experiment_id])
    store.client.delete_logged_model(model.model_id)
    assert doctor(places, fix=True, as_json=False) == 1
    shown = capsys.readouterr().out
    assert "version 1 of the registered model sentiment cannot be loaded: its model was deleted in MLflow" in shown
    assert f"sentiment-lab promote {job.folder.short_hash} --as champion --name sentiment" in shown
    assert promote(*words, as_json=False) == 0
    store.client.delete_model_version("sentiment", "1")
    assert doctor(places, fix=False, as_json=False) == 0
    store.client.delete_registered_model("sentiment")
    assert doctor(places, fix=False, as_json=False) == 0
    assert promote(*words, as_json=False) == 0


def test_a_model_that_does_not_load_is_not_promoted(one, tracked_linear):
    job, _, store = one
    (description,) = store.artifacts.glob("models/*/artifacts/MLmodel")
    description.write_text("flavors: {}\n")
    with pytest.raises(Exception, match=r"is not promoted: its model in .* fails: "):
        promote(job.folder.short_hash, "champion", "sentiment", only_locations(tracked_linear), as_json=False)
    assert store.client.search_registered_models() == []


def test_a_deleted_or_missing_sweep_is_named(tracked_linear, capsys):
    words = [*tracked_linear, "tracking.model=false"]
    places = only_locations(words)
    jobs, _ = plan_jobs([[*words, f"seed={seed}"] for seed in (1, 2)], compose_config)
    run_sweep(jobs, ["seed=1,2"])
    config = compose_config(places)
    store = open_store(config.tracking, config.paths)
    (parent,) = store.search("tags.sweep != ''")
    command, restore, number = delete_run(store, parent)
    capsys.readouterr()
    assert doctor(places, fix=True, as_json=False) == 1
    assert command in capsys.readouterr().out
    assert sync(places) == 1
    assert command in capsys.readouterr().err
    restore(number)
    store.client.delete_tag(number, "sweep")
    assert doctor(places, fix=False, as_json=False) == 1
    assert "is not in" in capsys.readouterr().out
    assert doctor(places, fix=True, as_json=False) == 0
    assert len(list(store.search("tags.sweep != ''"))) == 1


@pytest.mark.parametrize("fix", [lambda: None, lambda: 1 / 0], ids=["does nothing", "fails"])
def test_a_fix_that_fixes_nothing_is_reported_as_left(fix, linear, monkeypatch, capsys):
    found = [Finding("runs", "it is broken", "fixes it", fix)]
    monkeypatch.setattr("sentiment_lab.cli.diagnosis._check_run", lambda _: found)
    monkeypatch.setattr("sentiment_lab.cli.diagnosis.all_runs", lambda _: [None])
    places = [*only_locations(linear), "tracking.enabled=false"]
    assert [finding.problem for finding in examine(compose_config(places))] == ["it is broken"]
    assert doctor(places, fix=True, as_json=False) == 1
    shown = capsys.readouterr()
    assert "fixed: " not in shown.out
    assert "1 problem, 1 left" in shown.err
