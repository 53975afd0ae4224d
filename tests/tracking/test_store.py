"""How long a store that is away is waited for, and that what is asked twice stands there once."""

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
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.address import StoreAddressError
from sentiment_lab.tracking.marks import is_mirrored, mark_mirrored
from sentiment_lab.tracking.run_mirror import catch_up
from sentiment_lab.tracking.store import PATIENCE_SECONDS, Store, open_store

AWAY = RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "starting"})
DENIED = RestException({"error_code": "PERMISSION_DENIED", "message": "no"})


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves, and a process that has met no server yet."""
    now = [1000.0]
    monkeypatch.setattr("sentiment_lab.tracking.store.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sentiment_lab.tracking.store.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr("sentiment_lab.tracking.store._silent_since", {})
    return now


def failing(*errors):
    """Return an action that raises these one after another, then gives 7; and how often it was called."""
    left, calls = list(errors), []

    def act():
        calls.append(1)
        if left:
            raise left.pop(0)
        return 7

    return act, calls


RACED = RestException({"error_code": "BAD_REQUEST", "message": "(psycopg.errors.UniqueViolation) duplicate key"})


@pytest.mark.parametrize(
    "error", [AWAY, NoConnection("refused"), MlflowException("API request to http://x failed"), RACED]
)
def test_a_server_that_is_away_for_a_while_is_asked_again(error, clock):
    act, calls = failing(error, error)
    assert Store("http://server:5000", None).retry(act) == 7
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("uri", "error"),
    [("http://server:5000", DENIED), ("sqlite:////tmp/x.db", AWAY), ("http://server:5000", ValueError())],
)
def test_what_waiting_does_not_mend_is_raised_at_once(uri, error, clock):
    act, calls = failing(error)
    with pytest.raises(type(error)):
        Store(uri, None).retry(act)
    assert len(calls) == 1


def test_all_runs_of_a_process_wait_a_minute_together_and_anew_once_it_answered(clock):
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
    ("text", "told"),
    [
        ("Detected out-of-date database schema (found version a, but expected b)", "mlflow db upgrade http://s:5000"),
        ("API request to endpoint x failed with error code 401 != 200", "set MLFLOW_TRACKING_USERNAME and"),
        ("PERMISSION_DENIED: no", "docs/server.md"),
    ],
)
def test_a_complaint_is_one_line_and_says_what_mends_it(text, told):
    said = Store("http://s:5000", None).message(MlflowException(f"{text}\nand a trace"))
    assert said.startswith("MLflow store http://s:5000 failed: ")
    assert told in said
    assert "\n" not in said


def test_a_run_remembers_each_store_that_has_it(tiny):
    job = Job(compose_config(tiny), tiny, "bilstm")
    execute(job)
    mark_mirrored(job.folder, "http://one", "1")
    mark_mirrored(job.folder, "http://two", "2")
    assert is_mirrored(job.folder, "http://one")
    assert is_mirrored(job.folder, "http://two")
    assert not is_mirrored(job.folder, "http://three")
    execute(job, force=True)
    assert not is_mirrored(job.folder, "http://one"), "another training"


def test_a_run_that_a_lost_answer_has_doubled_stands_there_once(tracked, monkeypatch):
    """The server makes the run, its answer gets lost, and the search for it comes too early to see it."""
    words = [*tracked, "tracking.system_metrics=false", "tracking=none"]
    job = Job(compose_config(words), words, "bilstm")
    execute(job)
    config = compose_config(tracked)
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
        said = []
        assert not catch_up(store, config.tracking, job.folder, said.append)
        assert "the answer got lost" in said[0]
        assert catch_up(store, config.tracking, job.folder, said.append)
    runs = list(store.search("attributes.run_name LIKE '%'"))
    assert sorted((run.info.lifecycle_stage, run.info.status) for run in runs) == [
        ("active", "FINISHED"),
        ("deleted", "RUNNING"),
    ]
    assert catch_up(store, config.tracking, job.folder, said.append), "the deleted one is not taken for the run"
    assert len(store.client.search_logged_models([runs[0].info.experiment_id])) == 1


def test_a_model_whose_logging_was_cut_short_is_made_anew(tracked, monkeypatch):
    words = [*tracked, "tracking.system_metrics=false"]
    job = Job(compose_config([*words, "tracking=none"]), words, "bilstm")
    execute(job)
    config = compose_config(tracked)
    store, said = open_store(config.tracking, config.paths), []

    def cut_short(**_):
        raise MlflowException("cut short, when the model was tied to its run")

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.pyfunc.save_model", cut_short)
        assert not catch_up(store, config.tracking, job.folder, said.append)
    assert catch_up(store, config.tracking, job.folder, said.append)
    (run,) = store.search("attributes.run_name LIKE '%'")
    (model,) = store.client.search_logged_models([run.info.experiment_id])
    assert model.status == "READY"


def test_a_store_with_the_tables_of_another_mlflow_is_named_before_the_sweep_trains(tracked, tmp_path, capsys):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("update alembic_version set version_num = 'bd07f7e963c5'")
        store.commit()
    jobs, _ = plan_jobs([[*tracked, "launch.progress=lines"]], compose_config)
    run_sweep(jobs, ["seed=1"])
    said = capsys.readouterr().err
    assert "out-of-date database schema" in said
    assert "mlflow db upgrade sqlite:///" in said
    assert said.index("mlflow db upgrade") < said.index("epoch 1")
    assert jobs[0].folder.state == "complete"


def test_another_sqlite_file_has_its_artifacts_beside_it_and_a_run_without_its_model_goes_there_too(
    tiny, tracked, tmp_path, migrated, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = [*tiny, "study.name=elsewhere"]  # an experiment that the copied store does not have yet
    job = Job(compose_config(words), words, "bilstm")
    execute(job)
    shutil.rmtree(job.folder.model)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(migrated, other / "mlflow.db")
    places = [word for word in tiny if word.startswith("paths.")]
    assert sync(places, f"sqlite:///{other}/mlflow.db") == 0
    assert "1 of 1 runs" in capsys.readouterr().err
    assert list(other.glob("artifacts/*/artifacts/run/result.json"))
    assert not (tmp_path / "mlruns").exists()


def test_an_address_that_is_none_is_refused_by_the_name_of_the_option(tiny, monkeypatch):
    places = [word for word in tiny if word.startswith("paths.")]
    with pytest.raises(StoreAddressError, match="--to must be an address such as"):
        sync(places, "host:5000")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000")
    with pytest.raises(StoreAddressError, match="MLFLOW_TRACKING_URI must hold no name and password"):
        ui("mlruns", 5000)


def test_a_run_is_fetched_from_a_sqlite_file_of_any_name_and_none_is_made_by_looking(
    tracked, tmp_path, migrated, capsys
):
    (tmp_path / "mlflow.db").rename(tmp_path / "kept.db")
    kept, gone = (f"tracking.uri=sqlite:///{tmp_path}/{name}.db" for name in ("kept", "gone"))
    job = Job(compose_config([*tracked, kept, "study.name=kept"]), tracked, "bilstm")
    execute(job)
    places = [word for word in tracked if word.startswith("paths.")]
    job.folder.path.rename(tmp_path / "aside")
    with pytest.raises(RunError, match="no run"):
        reproduce(job.folder.short_hash, [*places, gone], other_data=False, tolerance=None, as_json=False)
    assert not (tmp_path / "gone.db").exists()
    assert reproduce(job.folder.short_hash, [*places, kept], other_data=False, tolerance=None, as_json=False) == 0
    assert "taken from the MLflow store" in capsys.readouterr().err
