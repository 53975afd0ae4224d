"""Retrying an unreachable store, and requests that are repeated without duplicates."""

from __future__ import annotations

import shutil

import pytest
from mlflow.exceptions import MlflowException, RestException
from requests import ConnectionError as NoConnection

from sentiment_lab.cli.reproduce import reproduce
from sentiment_lab.cli.sync import sync
from sentiment_lab.cli.ui import ui
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunError
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.address import StoreAddressError
from sentiment_lab.tracking.marks import is_mirrored, mark_mirrored
from sentiment_lab.tracking.run_mirror import catch_up
from sentiment_lab.tracking.store import PATIENCE_SECONDS, Store, open_store
from tests.tiny import job_of

AWAY = RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "starting"})
DENIED = RestException({"error_code": "PERMISSION_DENIED", "message": "no"})


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping advances, in a process that used no server yet."""
    now = [1000.0]
    monkeypatch.setattr("sentiment_lab.tracking.store.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sentiment_lab.tracking.store.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr("sentiment_lab.tracking.store._unreachable_since", {})
    return now


def failing(*errors):
    """Return an action that raises these errors one after another, then returns 7; and the list of its calls."""
    left, calls = list(errors), []

    def act():
        calls.append(1)
        if left:
            raise left.pop(0)
        return 7

    return act, calls


RACE = RestException({"error_code": "BAD_REQUEST", "message": "(psycopg.errors.UniqueViolation) duplicate key"})


@pytest.mark.parametrize(
    "error", [AWAY, NoConnection("refused"), MlflowException("API request to http://x failed"), RACE]
)
def test_a_request_to_an_unreachable_server_is_repeated(error, clock):
    act, calls = failing(error, error)
    assert Store("http://server:5000", None).retry(act) == 7
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("uri", "error"),
    [("http://server:5000", DENIED), ("sqlite:////tmp/x.db", AWAY), ("http://server:5000", ValueError())],
)
def test_an_error_that_waiting_does_not_fix_is_raised_at_once(uri, error, clock):
    act, calls = failing(error)
    with pytest.raises(type(error)):
        Store(uri, None).retry(act)
    assert len(calls) == 1


def test_all_runs_of_a_process_share_one_minute_of_waiting_until_the_server_answers(clock):
    store, start = Store("http://server:5000", None), clock[0]
    for _ in range(3):
        with pytest.raises(RestException):
            store.retry(failing(*[AWAY] * 1000)[0])
    assert PATIENCE_SECONDS <= clock[0] - start < PATIENCE_SECONDS + 10, "the second and third did not wait again"
    assert store.retry(lambda: 7) == 7
    act, calls = failing(AWAY)
    assert store.retry(act) == 7
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Detected out-of-date database schema (found version a, but expected b)", "mlflow db upgrade http://s:5000"),
        ("API request to endpoint x failed with error code 401 != 200", "set MLFLOW_TRACKING_USERNAME and"),
        ("PERMISSION_DENIED: no", "docs/server.md"),
    ],
)
def test_a_message_is_one_line_with_a_hint(text, hint):
    message = Store("http://s:5000", None).message(MlflowException(f"{text}\nand a trace"))
    assert message.startswith("MLflow store http://s:5000 failed: ")
    assert hint in message
    assert "\n" not in message


def test_a_run_folder_records_each_store_that_has_the_run(linear):
    job = job_of(linear)
    execute(job)
    mark_mirrored(job.folder, "http://one", "1")
    mark_mirrored(job.folder, "http://two", "2")
    assert is_mirrored(job.folder, "http://one")
    assert is_mirrored(job.folder, "http://two")
    assert not is_mirrored(job.folder, "http://three")
    execute(job, force=True)
    assert not is_mirrored(job.folder, "http://one"), "another training"


def test_a_run_that_a_lost_answer_duplicated_is_stored_once(tracked_linear, monkeypatch):
    """The server creates the run, its answer is lost, and the search for the run comes too early to find it."""
    job = job_of([*tracked_linear, "tracking=none"])
    execute(job)
    config = compose_config(tracked_linear)
    store = open_store(config.tracking, config.paths)
    create = type(store.client).create_run
    state = {"lost": True}

    def lose(self, *args, **kwargs):
        run = create(self, *args, **kwargs)
        if state.pop("lost", False):
            raise MlflowException("the answer got lost")
        return run

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.create_run", lose)
        patch.setattr(Store, "find", lambda *_: None)
        messages = []
        assert not catch_up(store, config.tracking, job.folder, messages.append)
        assert "the answer got lost" in messages[0]
        assert catch_up(store, config.tracking, job.folder, messages.append)
    runs = list(store.search("attributes.run_name LIKE '%'"))
    assert sorted((run.info.lifecycle_stage, run.info.status) for run in runs) == [
        ("active", "FINISHED"),
        ("deleted", "RUNNING"),
    ]
    assert catch_up(store, config.tracking, job.folder, messages.append), "the deleted one is ignored"
    assert len(store.client.search_logged_models([runs[0].info.experiment_id])) == 1


def test_a_model_whose_logging_was_interrupted_is_logged_again(tracked_linear, monkeypatch):
    job = job_of([*tracked_linear, "tracking=none"])
    execute(job)
    config = compose_config(tracked_linear)
    store, messages = open_store(config.tracking, config.paths), []

    def interrupt(**_):
        raise MlflowException("interrupted after the model was tied to its run")

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.pyfunc.save_model", interrupt)
        assert not catch_up(store, config.tracking, job.folder, messages.append)
    assert catch_up(store, config.tracking, job.folder, messages.append)
    (run,) = store.search("attributes.run_name LIKE '%'")
    (model,) = store.client.search_logged_models([run.info.experiment_id])
    assert model.status == "READY"


def test_a_store_of_another_mlflow_is_reported_before_the_sweep_trains(tracked_linear, tmp_path, capsys):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("update alembic_version set version_num = 'bd07f7e963c5'")
        store.commit()
    jobs, _ = plan_jobs([[*tracked_linear, "launch.progress=lines"]], compose_config)
    run_sweep(jobs, ["seed=1"])
    shown = capsys.readouterr().err
    assert "out-of-date database schema" in shown
    assert "mlflow db upgrade sqlite:///" in shown
    assert shown.index("mlflow db upgrade") < shown.index("epoch 1")
    assert jobs[0].folder.state == "complete"


def test_another_sqlite_file_has_its_artifacts_beside_it_and_takes_a_run_without_its_model(
    linear, tmp_path, migrated, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    job = job_of([*linear, "study.name=elsewhere"])  # an experiment that the copied store does not have yet
    execute(job)
    shutil.rmtree(job.folder.model)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(migrated, other / "mlflow.db")
    where = [word for word in linear if word.startswith("paths.")]
    assert sync(where, f"sqlite:///{other}/mlflow.db") == 0
    assert "1 of 1 runs" in capsys.readouterr().err
    assert list(other.glob("artifacts/*/artifacts/run/result.json"))
    assert not (tmp_path / "mlruns").exists()


def test_an_invalid_address_is_refused_by_the_name_of_its_option(linear, monkeypatch):
    with pytest.raises(StoreAddressError, match="--to must be an address such as"):
        sync(linear, "host:5000")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000")
    with pytest.raises(StoreAddressError, match="MLFLOW_TRACKING_URI must not hold a password"):
        ui("mlruns", 5000)


def test_a_run_is_fetched_from_a_sqlite_file_of_any_name_and_a_missing_file_is_not_created(
    tracked_linear, tmp_path, capsys
):
    (tmp_path / "mlflow.db").rename(tmp_path / "kept.db")
    kept, gone = (f"tracking.uri=sqlite:///{tmp_path}/{name}.db" for name in ("kept", "gone"))
    job = job_of([*tracked_linear, "tracking.model=false", kept, "study.name=kept"])
    execute(job)
    where = [word for word in tracked_linear if word.startswith("paths.")]
    job.folder.path.rename(tmp_path / "aside")
    with pytest.raises(RunError, match="no run"):
        reproduce(job.folder.short_hash, [*where, gone], other_data=False, tolerance=None, as_json=False)
    assert not (tmp_path / "gone.db").exists()
    assert reproduce(job.folder.short_hash, [*where, kept], other_data=False, tolerance=None, as_json=False) == 0
    assert "taken from the MLflow store" in capsys.readouterr().err
