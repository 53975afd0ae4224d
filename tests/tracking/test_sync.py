"""The store is brought up to date with the run folders, any number of times, also after a failure."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.synthetic import begin, result_of, write_result
from sentiment_lab.cli.sync import sync
from sentiment_lab.config.compose import compose_config
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.mlflow_callback import MlflowCallback
from sentiment_lab.tracking.store import open_store
from sentiment_lab.training.result import Scores
from tests.tiny import job_of, only_locations

DUPLICATES = """
select key, step, run_uuid, count(*) from metrics group by key, step, run_uuid having count(*) > 1
"""


def database_of(overrides):
    return Path(compose_config(only_locations(overrides)).paths.store) / "mlflow.db"


def query(database, sql):
    with closing(sqlite3.connect(database)) as store:
        return store.execute(sql).fetchall()


def metrics(database):
    return query(
        database, "select key, step, value, timestamp from metrics where key not like 'system/%' order by 1, 2"
    )


def test_a_lost_store_is_filled_again_without_duplicates(tracked_linear, migrated):
    jobs, _ = plan_jobs([[*tracked_linear, f"seed={seed}"] for seed in (1, 2)], compose_config)
    run_sweep(jobs, ["seed=1,2"])
    database, words = database_of(tracked_linear), only_locations(tracked_linear)
    before = metrics(database)
    shutil.copy(migrated, database)
    for _ in range(2):
        assert sync(words) == 0
        assert metrics(database) == before, "the same numbers with the same times"
        assert query(database, DUPLICATES) == []
    assert query(database, "select name, status from runs order by name") == [
        ("nb_svm seed=1", "FINISHED"),
        ("nb_svm seed=2", "FINISHED"),
        ("nb_svm: 2 runs", "FINISHED"),
    ]
    assert query(database, "select count(*) from tags where key = 'mlflow.parentRunId'") == [(2,)]
    assert query(database, "select count(*) from logged_models") == [(2,)]


def test_a_run_without_tracking_is_mirrored_on_request(tracked_linear):
    execute(job_of([*tracked_linear, "tracking=none"]))
    sync(only_locations(tracked_linear))
    assert query(database_of(tracked_linear), "select status from runs") == [("FINISHED",)]


def wait_for(condition):
    while not condition():
        time.sleep(0.01)


@pytest.mark.parametrize("back", [True, False], ids=["back before the end", "away until the end"])
def test_a_store_that_goes_away_is_reported_once_and_is_complete_in_the_end(back, tracked_linear, monkeypatch):
    """The run is written by this test, epoch by epoch, so that the mirror's thread is watched instead of timed."""
    monkeypatch.setattr("sentiment_lab.tracking.mlflow_callback.RETRY_SECONDS", 0.02)
    config = compose_config([*tracked_linear, "study.name=away"])
    database, messages = database_of(tracked_linear), []
    hidden = database.with_name("hidden.db")
    folder = begin(config)
    result = result_of(config, Scores(accuracy=0.5, loss=0.7, f1=0.5, roc_auc=0.5, ece=0.1))
    callback = MlflowCallback(open_store(config.tracking, config.paths), config.tracking, folder, messages.append)
    callback.started()
    hashes = {"data_hash": result.data_hash, "split_hash": result.split_hash}
    folder.journal.append("data", **hashes, parts={"train": {"reviews": 3}})

    def end_epoch(number):
        record = result.epochs[number - 1]
        folder.journal.append("epoch", **asdict(record))
        callback.epoch_ended(record)

    end_epoch(1)
    wait_for(lambda: query(database, "select count(*) from metrics where key = 'train_loss'") == [(1,)])
    database.rename(hidden)
    database.write_bytes(b"this is no database")
    end_epoch(2)
    wait_for(lambda: messages)
    if back:
        hidden.replace(database)
        wait_for(lambda: len(messages) > 1)
        assert messages[1] == f"MLflow store sqlite:///{database} is reachable again and up to date"
    end_epoch(3)
    complete(config, folder, result)
    callback.completed(result)
    assert "training continues in the run folder; the store is retried" in messages[0]
    assert len(messages) == 2
    if not back:
        assert "the end of this run is missing there; `sentiment-lab sync` adds it" in messages[1]
        hidden.replace(database)
        assert sync(only_locations(tracked_linear)) == 0
    assert query(database, "select status from runs") == [("FINISHED",)]
    assert query(database, DUPLICATES) == []
    assert query(database, "select step from metrics where key = 'train_loss' order by step") == [(1,), (2,), (3,)]


def complete(config, folder, result):
    """Write what makes the run complete, without a second copy of its events."""
    journal = folder.journal.path.read_bytes()
    write_result(config, result)
    folder.journal.path.write_bytes(journal)
    folder.journal.append("completed", weights_digest=result.weights_digest)
