"""`doctor` names what is wrong with folders, data, versions and store, and `--fix` repairs what loses nothing."""

from __future__ import annotations

import collections
import gzip
import importlib.metadata
import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from sentiment_lab.cli.diagnosis import examine
from sentiment_lab.cli.doctor import doctor
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.tracking.store import open_store
from tests.tiny import LINEAR, job_of, locations, only_locations


def problems(words):
    return [finding.problem for finding in examine(compose_config(only_locations(words)))]


def database_of(words):
    return Path(compose_config(only_locations(words)).paths.store) / "mlflow.db"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cache):
    """The root of a complete run."""
    root = tmp_path_factory.mktemp("trained")
    execute(job_of([*LINEAR, "tracking=none", *locations(root, cache)]))
    return root


@pytest.fixture
def one(trained, tmp_path, cache):
    """The complete run in a folder that a test may damage."""
    return job_of([*LINEAR, "tracking=none", *locations(shutil.copytree(trained, tmp_path / "copy"), cache)])


def test_a_mirrored_run_has_no_problems(tracked_linear, capsys):
    execute(job_of([*tracked_linear, "tracking.model=false"]))
    capsys.readouterr()
    assert problems(tracked_linear) == []
    assert doctor(only_locations(tracked_linear), fix=False, as_json=False) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1


def test_a_dead_run_that_the_store_has_as_running_is_found_and_fixed(tracked_linear, monkeypatch):
    one = job_of(tracked_linear)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.training.train.train_and_evaluate", die)
        patch.setattr("sentiment_lab.tracking.mlflow_callback.MlflowCallback._end", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            execute(one)
    store = open_store(one.config.tracking, one.config.paths)
    while not (runs := list(store.search("tags.study = 'default'"))):
        time.sleep(0.01)
    store.client.update_run(runs[0].info.run_id, status="RUNNING")
    (problem,) = problems(tracked_linear)
    assert f"run {one.folder.short_hash} is RUNNING in the store, but its process is dead" in problem
    assert doctor(only_locations(tracked_linear), fix=True, as_json=False) == 0
    assert store.client.get_run(runs[0].info.run_id).info.status == "KILLED"
    assert problems(tracked_linear) == []


def test_folders_without_runs_and_runs_without_folders_are_found(tracked_linear):
    one = job_of([*tracked_linear, "tracking=none"])
    execute(one)
    (problem,) = problems(tracked_linear)
    assert f"run {one.folder.short_hash} is not in" in problem
    assert doctor(only_locations(tracked_linear), fix=True, as_json=False) == 0
    shutil.rmtree(one.folder.path)
    (problem,) = problems(tracked_linear)
    assert "has no folder here" in problem
    assert doctor(only_locations(tracked_linear), fix=True, as_json=False) == 1, "only a person can fix that"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run.path / "predictions.parquet").write_bytes(b""), "predictions.parquet is damaged"),
        (lambda run: (run.path / "model" / "weights.npz").unlink(), "weights.npz is missing"),
        (lambda run: (run.path / "notes.txt").write_text("mine"), "notes.txt is not a file of a run"),
        (lambda run: (run.path / "result.json.building").write_text("{"), "was left by a process that died"),
        (lambda run: (run.path / "config.json").write_text("{}"), "config.json is damaged"),
    ],
)
def test_each_damage_to_a_run_folder_is_named(damage, message, one):
    damage(one.folder)
    assert any(message in problem for problem in problems(one.overrides))


def test_what_loses_nothing_is_fixed(one, capsys):
    journal = one.folder.journal.path
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    (one.folder.path / "model.building").mkdir()
    assert len(problems(one.overrides)) == 2
    assert doctor(only_locations(one.overrides), fix=True, as_json=False) == 0
    assert one.folder.events()[-1]["event"] == "completed"
    assert problems(one.overrides) == []
    assert capsys.readouterr().out.count("fixed: ") == 2


def test_a_locked_store_is_reported(tracked_linear):
    with closing(sqlite3.connect(database_of(tracked_linear))) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert any("cannot be written: database is locked" in problem for problem in problems(tracked_linear))


def test_a_damaged_store_is_reported(tracked_linear):
    database_of(tracked_linear).write_bytes(b"this is no database at all")
    assert any("mlflow.db cannot be written" in problem for problem in problems(tracked_linear))


@pytest.mark.parametrize(
    ("damage", "hint"),
    [
        ("update alembic_version set version_num = 'bd07f7e963c5'", "mlflow db upgrade sqlite:"),
        ("drop table alembic_version; drop table logged_models", "sentiment-lab sync creates a new one"),
    ],
    ids=["another version", "half migrated"],
)
def test_a_store_that_mlflow_refuses_is_reported_with_a_hint(damage, hint, tracked_linear):
    with closing(sqlite3.connect(database_of(tracked_linear))) as store:
        store.executescript(damage)
    (finding,) = examine(compose_config(only_locations(tracked_linear)))
    assert "mlflow.db cannot be used: " in finding.problem
    assert hint in finding.hint


def test_a_version_other_than_locked_is_reported(linear, monkeypatch):
    installed = importlib.metadata.version
    monkeypatch.setattr(
        "sentiment_lab.cli.diagnosis.version", lambda name: "0.1" if name == "keras" else installed(name)
    )
    assert any("keras is 0.1, the lock has ==" in problem for problem in problems(linear))


def test_a_downloaded_archive_must_be_the_published_one(linear, tmp_path):
    (tmp_path / "aclImdb_v1.tar.gz").write_bytes(gzip.compress(b"another archive"))
    (problem,) = problems([*linear, f"paths.cache={tmp_path}"])
    assert "is not the published archive: its MD5 does not match" in problem


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (lambda packed: packed, None),
        (lambda packed: packed[:-9], "cannot be read to its end: Compressed file ended"),
        (lambda packed: packed[:20] + bytes([packed[20] ^ 1]) + packed[21:], "cannot be read to its end: "),
        (lambda _: b"half an archive", "cannot be read to its end: Not a gzipped file"),
    ],
    ids=["intact", "truncated", "flipped", "foreign"],
)
def test_an_archive_that_the_user_names_must_be_intact(damaged, message, linear, tmp_path, monkeypatch):
    archive = tmp_path / "aclImdb_v1.tar.gz"
    archive.write_bytes(damaged(gzip.compress(random.Random(0).randbytes(1000))))
    for named in (tmp_path, archive):
        monkeypatch.setenv("SENTIMENT_LAB_DATA", str(named))
        found = problems(linear)
        assert len(found) == (message is not None)
        assert all(message in problem for problem in found)


@pytest.mark.parametrize("kind", ["corpora", "tokens", "vectors"])
def test_a_damaged_cache_entry_is_reported_and_removed(kind, linear, tmp_path):
    words = [*only_locations(linear), f"paths.cache={tmp_path}"]

    def of_data():
        return [finding for finding in examine(compose_config(words)) if finding.area == "data"]

    build_dataset(compose_config([*words, "data.reviews=60", "data.length=12", "data.distance=2"]), tmp_path)
    assert of_data() == []
    (index,) = (tmp_path / kind).glob("*/index.json")
    damaged = next(path for path in sorted(index.parent.iterdir()) if path != index)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    (finding,) = of_data()
    assert finding.problem == f"{damaged} is damaged: its digest does not match"
    finding.fix()
    assert not index.parent.exists()
    assert of_data() == []


def test_a_missing_data_folder_is_reported(linear, tmp_path, monkeypatch):
    monkeypatch.setenv("SENTIMENT_LAB_DATA", str(tmp_path / "nowhere"))
    (problem,) = problems(linear)
    assert f"SENTIMENT_LAB_DATA names {tmp_path}/nowhere, which does not exist" in problem


def test_a_full_disk_is_reported(linear, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(100, 100, 3 << 20))
    assert any("3 MiB are free" in problem for problem in problems(linear))


def test_a_folder_that_cannot_be_written_is_reported(linear):
    words = [*only_locations(linear), "paths.runs=/proc/nowhere"]
    assert any("paths.runs: /proc cannot be written" in problem for problem in problems(words))
