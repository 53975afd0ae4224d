"""Artifacts are beside their store wherever it is, and a run is in a store once whatever its experiment is called."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import mlflow
import pytest

from sentiment_lab.cli.doctor import doctor
from sentiment_lab.cli.promote import promote
from sentiment_lab.cli.sync import sync
from sentiment_lab.config.compose import compose_config
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.database import former_folders, relocate
from sentiment_lab.tracking.store import open_store
from tests.tiny import LINEAR, job_of, locations, only_locations

FAST = ["tracking.system_metrics=false", "tracking.figures=false"]
LOCATIONS = """
select artifact_location from experiments where experiment_id != 0
union all select artifact_uri from runs union all select artifact_location from logged_models
union all select storage_location from model_versions
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, cache, migrated):
    """A folder with a store that has a run and its registered model."""
    root = tmp_path_factory.mktemp("project") / "original"
    root.mkdir()
    shutil.copy(migrated, root / "mlflow.db")
    words = [*LINEAR, *FAST, *locations(root, cache)]
    execute(job_of(words))
    assert promote(job_of(words).folder.short_hash, "champion", "sentiment", only_locations(words), as_json=True) == 0
    return root


@pytest.fixture
def original(project, tmp_path):
    """A copy of the project that a test may change, with its own paths."""
    root = shutil.copytree(project, tmp_path / "original")
    config = compose_config([f"paths.store={root}"])
    open_store(config.tracking, config.paths).prepare()
    return root


def words_of(root, cache):
    return [*LINEAR, *FAST, *locations(root, cache)]


def where(root):
    with closing(sqlite3.connect(root / "mlflow.db")) as store:
        return {str(location) for (location,) in store.execute(LOCATIONS)}


def content(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def copied(root):
    return shutil.copytree(root, root.with_name("the copy"))


def moved(root):
    return root.rename(root.with_name("new name"))


def moved_and_made_anew(root):
    new = moved(root)
    (root / "artifacts" / "0123").mkdir(parents=True)
    return new


def without_artifacts(root):
    new = root.with_name("bare")
    (new / "runs").parent.mkdir()
    shutil.copytree(root / "runs", new / "runs")
    shutil.copy(root / "mlflow.db", new)
    return new


@pytest.mark.parametrize(
    ("place", "command"),
    [
        *((copied, "train"), (copied, "doctor"), (moved, "sync"), (without_artifacts, "promote")),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                *((copied, "sync"), (copied, "promote"), (without_artifacts, "train")),
                *((moved_and_made_anew, "train"), (moved_and_made_anew, "doctor")),
            )
        ),
    ],
)
def test_what_writes_into_a_copied_or_moved_store_writes_beside_it(place, command, original, cache, capsys):
    new = place(original)
    before, words = content(original) if original.exists() else {}, words_of(new, cache)
    assert former_folders(new / "mlflow.db") == [original]
    places = only_locations(words)
    if command == "train":
        execute(job_of([*words, "seed=9"]))
        assert sync(places) == 0
    elif command == "sync":
        assert sync(places) == 0
    elif command == "promote":
        assert promote(job_of(words).folder.short_hash, "champion", "sentiment", places, as_json=False) == 0
    else:
        doctor(places, fix=True, as_json=False)
    shown = capsys.readouterr()
    line = f"was copied or moved from {original} to {new}" if command != "doctor" else "was copied or moved: its"
    assert (shown.err + shown.out).count(line) == 1
    assert all(location.startswith(f"{new.as_uri()}/artifacts") for location in where(new))
    assert former_folders(new / "mlflow.db") == []
    assert (content(original) if original.exists() else {}) == before
    config = compose_config(places)
    uri = open_store(config.tracking, config.paths).uri
    promote(job_of(words).folder.short_hash, "champion", "sentiment", places, as_json=False)
    mlflow.set_tracking_uri(uri)
    assert len(mlflow.pyfunc.load_model("models:/sentiment@champion").predict(["a fine film"])) == 1


def test_doctor_names_a_moved_store_and_changes_nothing_without_fix(original, cache, capsys):
    new = moved(original)
    before, places = where(new), only_locations(words_of(new, cache))
    assert doctor(places, fix=False, as_json=False) == 1
    assert f"was copied or moved: its artifacts are recorded in {original}" in capsys.readouterr().out
    assert where(new) == before
    assert doctor(places, fix=True, as_json=False) == 0
    assert doctor(places, fix=False, as_json=False) == 0


def test_a_link_to_the_store_is_no_move(original, cache):
    link = original.with_name("link")
    link.symlink_to(original)
    assert former_folders(link / "mlflow.db") == []
    before = where(original)
    assert sync(only_locations(words_of(link, cache))) == 0
    assert where(original) == before


@pytest.mark.parametrize("location", ["s3://bucket/artifacts", "mlflow-artifacts:/1", "file://{disk}/artifacts"])
def test_locations_that_a_person_chose_stay(location, original, tmp_path, cache):
    (tmp_path / "disk" / "artifacts").mkdir(parents=True)
    chosen = location.format(disk=tmp_path / "disk")
    config = compose_config(only_locations(words_of(original, cache)))
    client = open_store(config.tracking, config.paths).client
    tags = {"mlflow.experimentKind": "custom_model_development"}
    run = client.create_run(client.create_experiment("chosen", chosen, tags))
    new = copied(original)
    relocate(new / "mlflow.db")
    elsewhere = {place for place in where(new) if not place.startswith(new.as_uri())}
    assert elsewhere == {chosen, f"{chosen}/{run.info.run_id}/artifacts"}
    assert former_folders(new / "mlflow.db") == []


def experiments_of(words):
    config = compose_config(only_locations(words))
    store = open_store(config.tracking, config.paths)
    names = {number: store.client.get_experiment(number).name for number in store.experiment_ids()}
    return sorted((run.info.run_name, names[run.info.experiment_id]) for run in store.search("attributes.status != ''"))


@pytest.mark.parametrize("kind", ["run", "sweep", "resumed"])
def test_a_run_is_found_in_the_experiment_where_it_is(kind, tracked_linear, monkeypatch):
    words = [*tracked_linear, "tracking.model=false"]
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    if kind == "sweep":
        run_sweep(plan_jobs([[*words, f"seed={seed}"] for seed in (1, 2)], compose_config)[0], ["seed=1,2"])
    elif kind == "run":
        execute(job_of(words))
    else:
        with monkeypatch.context() as patch:
            patch.setattr("sentiment_lab.training.train.train_and_evaluate", interrupt)
            with pytest.raises(KeyboardInterrupt):
                execute(job_of(words))
    before = experiments_of(words)
    assert {experiment for _, experiment in before} == {"elsewhere"}
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    if kind == "resumed":
        execute(job_of(words))
    for _ in range(2):
        assert sync(only_locations(words)) == 0
    assert experiments_of(words) == before
    assert doctor(only_locations(words), fix=False, as_json=False) == 0


def interrupt(*_):
    raise KeyboardInterrupt("stopped")


def test_doctor_names_a_run_that_is_stored_twice(tracked_linear, monkeypatch, capsys):
    words = [*tracked_linear, "tracking.model=false"]
    execute(job_of(words))
    config = compose_config(only_locations(words))
    store = open_store(config.tracking, config.paths)
    (run,) = store.search("attributes.status != ''")
    store.client.create_run(store.experiment_id("elsewhere"), tags=run.data.tags, run_name=run.info.run_name)
    assert doctor(only_locations(words), fix=True, as_json=False) == 1
    assert "2 times" in capsys.readouterr().out
