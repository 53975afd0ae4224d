"""The address of a store works with any name that MLflow can use; all others are refused at once with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.sweeps.preparation import check_locations
from sentiment_lab.tracking.address import StoreAddressError, checked_address, sqlite_file, store_uri
from sentiment_lab.tracking.store import Store, TrackingError, open_store

LONGEST = 255 - len(".building-journal")


@pytest.mark.parametrize(
    "name",
    ["a b#c'ü.", '-dash "quoted"', "100% sure", "semi;colon,and={b}", "x" * 255],
    ids=lambda name: name[:8],
)
def test_a_store_in_a_folder_of_any_usable_name_keeps_everything_in_that_folder(name, tmp_path, migrated):
    folder = tmp_path / "project" / name
    folder.mkdir(parents=True)
    shutil.copy(migrated, folder / "mlflow.db")
    config = compose_config([])
    paths = type(config.paths)(runs="runs", store=str(folder), cache=None)
    store = open_store(config.tracking, paths)
    run = store.client.create_run(store.experiment_id("named"))
    store.client.log_text(run.info.run_id, "text", "file.txt")
    assert list(folder.glob("artifacts/*/artifacts/file.txt"))
    assert store.client.list_artifacts(run.info.run_id)[0].path == "file.txt"
    assert [path.name for path in folder.parent.iterdir()] == [name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project"]


@pytest.mark.parametrize("name", ["a%20b", "why?", "%41", "x" * 255 + "/" + "y" * 255], ids=lambda name: name[:5])
def test_a_folder_that_mlflow_cannot_use_is_refused_before_anything_is_written(name, tmp_path):
    config = compose_config([])
    paths = type(config.paths)(runs="runs", store=f"{tmp_path}/{name}", cache=None)
    with pytest.raises(StoreAddressError, match=r"paths\.store: .*(rename the folder|is too long)"):
        store_uri(config.tracking, paths)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite://host/x.db", "must name a file"),
        ("sqlite:///file:/tmp/x.db", "must name a file"),
        ("sqlite:////usr", "/usr is a folder; .* such as /usr/mlflow.db"),
        ("sqlite:////tmp/", "is a folder"),
        (f"sqlite:////tmp/{'x' * (LONGEST + 1)}", "is too long"),
        ("sqlite:////tmp/a%2520b.db", "MLflow cannot use /tmp/a%20b.db"),
        ("file:///tmp/x", "must begin with one of http://"),
        ("htp://host", "must begin with one of http://"),
        ("http://", "must be an address such as http://HOST:5000"),
        ("http://a host:5000", "must be an address such as"),
        ("http://host:port", "must be an address such as"),
        ("host:5000", "must be an address such as"),
        ("http://me:secret@host", "must not hold a password"),
        ("postgresql://me:secret@host/db", "must not hold a password"),
    ],
)
def test_an_invalid_address_is_refused(address, message):
    with pytest.raises(StoreAddressError, match=f"^KEY:? {message}|^KEY: .*{message}"):
        checked_address(address, "KEY")


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("sqlite:////data/odd%20name#.db", "/data/odd name#.db"),
        ("sqlite+pysqlite:////data/x.db?timeout=5", "/data/x.db"),
        ("sqlite:///x.db", f"{Path.cwd()}/x.db"),
        ("sqlite:////data/" + "x" * LONGEST, "/data/" + "x" * LONGEST),
    ],
    ids=["encoded", "with driver", "relative", "longest"],
)
def test_the_address_of_a_file_names_the_file_that_mlflow_opens(address, file):
    import sqlalchemy

    checked = checked_address(address, "KEY")
    assert str(sqlite_file(checked)) == file
    assert sqlalchemy.make_url(checked).database == file


@pytest.mark.parametrize("address", ["http://höst:5000", "https://[::1]:80/mlflow", "postgresql://me@host/db"])
def test_other_stores_keep_their_address(address):
    assert checked_address(address, "KEY") == address
    assert sqlite_file(address) is None


def test_what_cannot_be_opened_is_reported_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("waits"))
    (tmp_path / "text.db").write_text("this is no database, but a text of some length" * 100)
    for address in (f"sqlite:///{tmp_path}/text.db", "postgresql://127.0.0.1:1/db"):
        with pytest.raises(TrackingError, match="cannot be opened"):
            _ = Store(address, None).client


def test_an_experiment_that_the_environment_names_is_checked_before_the_run_and_may_be_empty(
    tracked_linear, monkeypatch
):
    config = compose_config(tracked_linear)
    for name in ("x" * 501, "two\nlines"):
        monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
        with pytest.raises(StoreAddressError, match="MLFLOW_EXPERIMENT_NAME must be one line of at most 500"):
            check_locations(config)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "")
    check_locations(config)


@pytest.mark.parametrize(
    "name", ["a/b", "100%20", 'it\'s "x"', "-dash", "😀", "dot.", "?#&=", "..", "é" * 250], ids=lambda name: name[:5]
)
def test_a_study_of_any_name_is_an_experiment(name, tracked_linear):
    config = compose_config(tracked_linear)
    store = open_store(config.tracking, config.paths)
    number = store.experiment_id(name)
    assert store.experiment_id(name) == number
    store.client.create_run(number)
    assert store.study_id(name) == number
