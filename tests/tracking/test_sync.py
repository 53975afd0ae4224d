"""The store is made equal to the folders, any number of times; what is wrong is named, and mended where it is safe."""

from __future__ import annotations

import gzip
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sentiment_lab.cli.diagnosis import examine
from sentiment_lab.cli.doctor import doctor
from sentiment_lab.cli.sync import sync
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.store import open_store
from sentiment_lab.training.callbacks import Callback

DOUBLED = """
select key, step, run_uuid, count(*) from metrics where key not like 'system/%'
group by key, step, run_uuid having count(*) > 1
"""


def job(words):
    return Job(compose_config(words), words, "bilstm")


def places(words):
    return [word for word in words if word.startswith(("paths.", "tracking"))]


def query(words, sql):
    root = next(word for word in words if word.startswith("paths.store=")).partition("=")[2]
    with closing(sqlite3.connect(Path(root) / "mlflow.db")) as store:
        return store.execute(sql).fetchall()


def metrics(words):
    return query(words, "select key, step, value, timestamp from metrics where key not like 'system/%' order by 1, 2")


def problems(words):
    return [finding.problem for finding in examine(compose_config(places(words)))]


def empty_store(words, migrated):
    root = next(word for word in words if word.startswith("paths.store=")).partition("=")[2]
    shutil.copy(migrated, Path(root) / "mlflow.db")


def test_a_store_that_was_lost_is_filled_again_and_nothing_is_doubled(tracked, migrated):
    jobs, _ = plan_jobs([[*tracked, f"seed={seed}"] for seed in (1, 2)], compose_config)
    run_sweep(jobs, ["seed=1,2"])
    before = metrics(tracked)
    empty_store(tracked, migrated)
    for _ in range(3):
        assert sync(places(tracked)) == 0
        assert metrics(tracked) == before, "the same numbers with the same times"
        assert query(tracked, DOUBLED) == []
    assert query(tracked, "select name, status from runs order by name") == [
        ("bilstm seed=1", "FINISHED"),
        ("bilstm seed=2", "FINISHED"),
        ("bilstm: 2 runs", "FINISHED"),
    ]
    assert query(tracked, "select count(*) from tags where key = 'mlflow.parentRunId'") == [(2,)]
    assert query(tracked, "select count(*) from logged_models") == [(2,)]


def test_a_run_without_tracking_is_mirrored_when_asked(tracked, migrated):
    execute(job([*tracked, "tracking=none"]))
    sync(places(tracked))
    assert query(tracked, "select status from runs") == [("FINISHED",)]


class AwayAfter(Callback):
    """Takes the store away after an epoch and, where asked, brings it back after another."""

    def __init__(self, store, away, back=None):
        self.store, self.away, self.back = store, away, back

    def epoch_ended(self, record):
        import time

        time.sleep(0.3)  # so that the mirror has seen the epoch before
        hidden = self.store.with_name("hidden.db")
        if record.epoch == self.away:
            self.store.rename(hidden)
            self.store.write_bytes(b"this is no database")
        if record.epoch == self.back:
            hidden.replace(self.store)
            time.sleep(0.3)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("sentiment_lab.tracking.mlflow_callback.RETRY_SECONDS", 0.05)


@pytest.mark.parametrize("back", [4, None])
def test_a_store_that_goes_away_is_named_once_and_has_everything_in_the_end(back, tracked, tmp_path, capsys, impatient):
    words = [*tracked, "training.epochs=6", "tracking.system_metrics=false"]
    store = tmp_path / "mlflow.db"
    execute(job(words), observer=AwayAfter(store, 2, back))
    shown = capsys.readouterr().err
    assert shown.count("the run goes on in its folder, the store is tried again") == 1
    assert ("answers again and has what it missed" in shown) == (back is not None)
    assert ("`sentiment-lab sync` brings it up to date" in shown) == (back is None)
    if back is None:
        (tmp_path / "hidden.db").replace(store)
        assert sync(places(words)) == 0
    assert query(words, "select status from runs") == [("FINISHED",)]
    assert query(words, DOUBLED) == []
    assert query(words, "select count(*) from metrics where key = 'train_loss'") == [(6,)]


def test_all_is_well_after_a_run(tracked, capsys):
    execute(job(tracked))
    assert problems(tracked) == []
    assert doctor(places(tracked), fix=False, as_json=False) == 0
    assert "no problems" in capsys.readouterr().err


def test_a_dead_run_that_is_still_running_in_the_store_is_found_and_mended(tracked, monkeypatch):
    one = job(tracked)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.training.train.train_and_evaluate", die)
        patch.setattr("sentiment_lab.tracking.mlflow_callback.Mirror._end", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            execute(one)
    store = open_store(one.config.tracking, one.config.paths)
    while not (found := list(store.search("tags.study = 'default'"))):
        pass
    store.client.update_run(found[0].info.run_id, status="RUNNING")
    (problem,) = problems(tracked)
    assert f"run {one.folder.short_hash} is RUNNING in the store, but its process is dead" in problem
    assert doctor(places(tracked), fix=True, as_json=False) == 0
    assert query(tracked, "select status from runs") == [("KILLED",)]
    assert problems(tracked) == []


def test_folders_without_runs_and_runs_without_folders_are_found(tracked, migrated):
    one = job(tracked)
    execute(one)
    empty_store(tracked, migrated)
    assert [f"run {one.folder.short_hash} is not in" in problem for problem in problems(tracked)] == [True]
    assert doctor(places(tracked), fix=True, as_json=False) == 0
    shutil.rmtree(one.folder.path)
    (problem,) = problems(tracked)
    assert "has no folder here" in problem


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda run: (run.path / "predictions.parquet").write_bytes(b""), r"predictions.parquet is damaged"),
        (lambda run: (run.path / "model" / "vocabulary.json").unlink(), "vocabulary.json is missing"),
        (lambda run: (run.path / "notes.txt").write_text("mine"), "notes.txt is not a file of a run"),
        (lambda run: (run.path / "result.json.building").write_text("{"), "was left by a process that died"),
        (lambda run: (run.path / "config.json").write_text("{}"), "it is not what gave the folder its name"),
    ],
)
def test_each_damage_to_a_folder_is_named(damage, found, tiny):
    one = job(tiny)
    execute(one)
    damage(one.folder)
    assert any(found in problem for problem in problems(tiny)), problems(tiny)


def test_what_can_be_mended_without_loss_is(tiny, capsys):
    one = job(tiny)
    execute(one)
    journal = one.folder.journal.path
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]))
    (one.folder.path / "model.building").mkdir()
    assert len(problems(tiny)) == 2
    assert doctor(places(tiny), fix=True, as_json=False) == 0
    assert one.folder.events()[-1]["event"] == "completed"
    assert problems(tiny) == []
    assert capsys.readouterr().out.count("fixed: ") == 2


def test_a_locked_store_is_named(tracked):
    execute(job(tracked))
    root = next(word for word in tracked if word.startswith("paths.store=")).partition("=")[2]
    with closing(sqlite3.connect(Path(root) / "mlflow.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert any("cannot be written: database is locked" in problem for problem in problems(tracked))


def test_a_damaged_store_is_named(tracked):
    execute(job(tracked))
    root = next(word for word in tracked if word.startswith("paths.store=")).partition("=")[2]
    (Path(root) / "mlflow.db").write_bytes(b"this is no database at all")
    assert any("mlflow.db cannot be written" in problem for problem in problems(tracked))


def test_a_version_off_the_lock_is_named(tiny, monkeypatch):
    monkeypatch.setattr(
        "sentiment_lab.cli.diagnosis.version", lambda name: "0.1" if name == "keras" else _version(name)
    )
    assert any("keras is 0.1, the lock has ==" in problem for problem in problems(tiny))


def test_a_downloaded_archive_must_be_the_published_one(tiny, tmp_path):
    (tmp_path / "aclImdb_v1.tar.gz").write_bytes(gzip.compress(b"another archive"))
    (problem,) = problems([*tiny, f"paths.cache={tmp_path}"])
    assert "is not the published archive: its MD5 does not fit" in problem


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (lambda packed: packed, None),
        (lambda packed: packed[:-9], "cannot be read to its end: Compressed file ended"),
        (lambda packed: packed[:20] + bytes([packed[20] ^ 1]) + packed[21:], "cannot be read to its end: "),
        (lambda _: b"half an archive", "cannot be read to its end: Not a gzipped file"),
    ],
    ids=["packed anew", "truncated", "flipped", "foreign"],
)
def test_an_archive_that_the_user_names_must_be_whole(damaged, said, tiny, tmp_path, monkeypatch):
    archive = tmp_path / "aclImdb_v1.tar.gz"
    archive.write_bytes(damaged(gzip.compress(random.Random(0).randbytes(1000))))
    for named in (tmp_path, archive):
        monkeypatch.setenv("SENTIMENT_LAB_DATA", str(named))
        found = problems(tiny)
        assert len(found) == (said is not None)
        assert all(said in problem for problem in found)


def test_named_data_that_is_not_there_is_named(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SENTIMENT_LAB_DATA", str(tmp_path / "nowhere"))
    (problem,) = problems(tiny)
    assert f"SENTIMENT_LAB_DATA names {tmp_path}/nowhere, which does not exist" in problem


def _version(name):
    from importlib.metadata import version

    return version(name)


def test_a_full_disk_is_named(tiny, monkeypatch):
    import collections

    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(100, 100, 3 << 20))
    assert any("3 MiB are free" in problem for problem in problems(tiny))


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("update alembic_version set version_num = 'bd07f7e963c5'", "mlflow db upgrade sqlite:"),
        ("drop table alembic_version; drop table logged_models", "sentiment-lab sync fills a new one"),
    ],
)
def test_a_store_of_another_version_or_half_migrated_is_named(damage, found, tracked, tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.executescript(damage)
    # A process of its own, because MLflow looks at the tables of a store once.
    command = [sys.executable, "-m", "sentiment_lab", "doctor", *places(tracked)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert shown.returncode == 1
    assert "mlflow.db cannot be used: " in shown.stdout
    assert found in shown.stdout
    assert "1 problem, 1 left" in shown.stderr


def test_a_place_that_cannot_be_written_is_named(tiny):
    words = [*places(tiny), "paths.runs=/proc/nowhere"]
    assert any("paths.runs: /proc cannot be written" in finding.problem for finding in examine(compose_config(words)))
