"""Processes that are stopped or hindered: the state of the run, the exit code, and the store afterwards."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest

from sentiment_lab.runs.listing import list_runs
from tests.tiny import TINY


@pytest.fixture(autouse=True)
def _signals_of_a_terminal(default_signals):
    """The processes that the tests start inherit these."""


def start(tmp_path, cache, *overrides):
    command = [sys.executable, "-m", "sentiment_lab", "train", *TINY, f"paths.cache={cache}", *overrides]
    return subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_is_killed_in_folder_store_and_exit_code(number, tmp_path, cache):
    process = start(tmp_path, cache, "training.epochs=100000", "launch.progress=lines")
    runs = tmp_path / "mlruns" / "runs"
    wait_for(lambda: any(e["event"] == "epoch" for run in list_runs(runs) for e in run.events()))
    process.send_signal(number)
    _, shown = process.communicate(timeout=120)
    assert process.returncode == 130
    assert shown.splitlines()[-1].startswith("error: ")
    assert shown.splitlines()[-1].endswith("; rerun the same command to resume from the last checkpoint")
    assert "Traceback" not in shown
    (run,) = list_runs(runs)
    assert (run.state, run.events()[-1]["event"]) == ("interrupted", "killed")
    with sqlite3.connect(tmp_path / "mlruns" / "mlflow.db") as store:
        assert store.execute("select status from runs").fetchall() == [("KILLED",)]


@pytest.mark.slow
def test_the_ui_serves_the_store_on_loopback(tmp_path, cache):
    trained = start(tmp_path, cache)
    trained.communicate(timeout=300)
    assert trained.returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sentiment_lab", "ui", "--port", str(port)]
    server = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    query = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get-by-name?experiment_name=default"
    try:
        wait_for(lambda: _answers(query))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
    wait_for(lambda: not _answers(query))


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # loopback
            return b'"name": "default"' in answer.read()
    except OSError:
        return False


@pytest.mark.slow
def test_a_store_that_is_locked_for_longer_than_mlflow_waits_stops_no_run(tmp_path, cache):
    process = start(tmp_path, cache, "training.epochs=60", "launch.progress=lines", "tracking.model=false")
    runs, store = tmp_path / "mlruns" / "runs", tmp_path / "mlruns" / "mlflow.db"
    wait_for(lambda: any(e["event"] == "epoch" for run in list_runs(runs) for e in run.events()))
    wait_for(lambda: _has_epochs(store))
    with closing(sqlite3.connect(store, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(25)  # MLflow waits 20 s
    _, shown = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    assert "Traceback" not in shown
    synced = subprocess.run([sys.executable, "-m", "sentiment_lab", "sync"], cwd=tmp_path, check=True, timeout=120)
    assert synced.returncode == 0
    assert _rows(store, "select count(*) from metrics where key = 'train_loss'") == 60
    assert _rows(store, "select status from runs") == "FINISHED"


def _has_epochs(store):
    try:
        return _rows(store, "select count(*) from metrics where key = 'train_loss'") > 0
    except sqlite3.OperationalError:  # another process creates the store: no file, no table, or busy
        return False


def _rows(store, sql):
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchone()[0]
