"""A team's store: MLflow's server on PostgreSQL, set up from the files in deploy/, and what docs/server.md promises."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from benchmarks.servers import ADMIN, DEPLOY, MissingError, Server, deployed, find_postgres, free_port, postgres, psql
from sentiment_lab.cli.promote import promote
from sentiment_lab.cli.sync import sync
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.grid import plan_jobs
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.tracking.address import StoreAddressError, store_uri
from sentiment_lab.tracking.lookup import fetch_run
from sentiment_lab.tracking.store import Store, open_store

slow = [pytest.mark.slow, pytest.mark.timeout(900)]
CLIENTS = 6
SEEDS = 2
CLIENT = """
import sys
from sentiment_lab.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def database():
    try:
        find_postgres()
    except MissingError as error:
        pytest.skip(str(error))
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -r deploy/requirements.lock")
    with postgres() as found:
        yield found


@pytest.fixture(scope="module")
def place(database, tmp_path_factory):
    """The folder of the server's artifacts, and its environment variables."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "artifacts").mkdir()
    return folder, deployed(database, folder, free_port())


@pytest.fixture(scope="module")
def server(place):
    folder, environment = place
    with Server(environment, folder / "log", "--app-name", "basic-auth") as running:
        for name in ("alice", "bob"):
            make_user(running.uri, name)
        yield running


def make_user(uri, name):
    body = {"username": name, "password": f"the secret of {name}"}
    requests.post(f"{uri}/api/2.0/mlflow/users/create", json=body, auth=("admin", ADMIN), timeout=60).raise_for_status()


@pytest.fixture
def as_user(monkeypatch):
    def become(name):
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", f"the secret of {name}")

    become("alice")
    return become


def paths_of(words):
    return [word for word in words if word.startswith("paths.")]


def sweep(words, seeds):
    jobs, _ = plan_jobs([[*words, f"seed={seed}"] for seed in seeds], compose_config)
    run_sweep(jobs, ["seed"])
    return [job.folder for job in jobs]


def runs_of(server, name="default"):
    """Return the runs of a study as a client sees them."""
    store = Store(server.uri, None)
    return list(store.search("attributes.run_name LIKE '%'", [store.experiment_id(name)]))


@pytest.mark.parametrize("key", ["tracking.uri", "MLFLOW_TRACKING_URI"])
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://me:secret@host:5000", "http://host:5000 and MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("postgresql://me:secret@host/mlflow", "postgresql://host/mlflow and PGUSER and PGPASSWORD, or ~/.pgpass"),
        ("host:5000", "must be an address such as http://HOST:5000, got 'host:5000'"),
    ],
)
def test_an_invalid_address_is_refused_without_showing_its_password(key, uri, message, linear, monkeypatch):
    words = [word for word in linear if word != "tracking=none"]
    if key == "tracking.uri":
        words.append(f"tracking.uri='{uri}'")
    else:
        monkeypatch.setenv(key, uri)
    config = compose_config(words)
    with pytest.raises(StoreAddressError) as caught:
        store_uri(config.tracking, config.paths)
    assert str(caught.value).startswith(key)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(StoreAddressError):
        execute(Job(config, words, "nb_svm"))
    assert not Path(config.paths.runs).exists()


def test_an_unreachable_server_is_reported_once(linear, capsys):
    uri = f"http://127.0.0.1:{free_port()}"
    assert sync(paths_of(linear), uri) == 1
    shown = capsys.readouterr().err
    assert shown.count(uri) == 1
    assert "no answer (Connection refused)" in shown
    assert "start it, or set another store" in shown


@pytest.mark.slow
class TestServer:
    """The tests share one server; each has a separate study."""

    pytestmark = slow

    def test_a_local_store_is_copied_to_the_server_completely_and_idempotently(self, server, tracked, as_user, capsys):
        words = [*tracked, "study.name=moved", "tracking.system_metrics=false"]
        folders = sweep(words, (1, 2, 3))
        promote(folders[1].short_hash, "champion", "moved", paths_of(words), as_json=False)
        capsys.readouterr()
        for _ in range(2):
            assert sync(paths_of(words), server.uri) == 0
            shown = capsys.readouterr().err
            assert f"3 of 3 runs and 1 sweeps, 1 registered versions are up to date in {server.uri}" in shown
            runs = runs_of(server, "moved")
            parent = [run for run in runs if "sweep" in run.data.tags]
            children = [run for run in runs if run not in parent]
            assert (len(parent), len(children)) == (1, 3)
            assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent[0].info.run_id}
            assert {run.info.status for run in runs} == {"FINISHED"}
            client = Store(server.uri, None).client
            assert len(client.search_logged_models([runs[0].info.experiment_id])) == 3
            version = client.get_model_version_by_alias("moved", "champion")
            assert version.tags["config_hash"].startswith(folders[1].short_hash)
            assert len(client.search_model_versions("name = 'moved'")) == 1
            for run in children:
                assert {item.path for item in client.list_artifacts(run.info.run_id)} >= {"figures", "run"}
                assert len(client.get_metric_history(run.info.run_id, "train_loss")) == 2
        local = open_store(compose_config(paths_of(words)).tracking, compose_config(paths_of(words)).paths)
        assert {run.info.status for run in local.search("attributes.run_name LIKE '%'")} == {"FINISHED"}

    def test_a_run_is_fetched_from_the_server_unchanged(self, server, tracked, as_user, tmp_path):
        words = [*tracked, "study.name=fetched", f"tracking.uri={server.uri}"]
        folder = sweep(words, (5, 6))[0]
        fetched = fetch_run(Store(server.uri, None), folder.short_hash, tmp_path / "fetched")
        assert fetched.result() == folder.result()

    def test_a_second_user_adds_runs_to_a_study_of_another_user(self, server, tracked, as_user, capsys):
        words = [*tracked, "study.name=shared", f"tracking.uri={server.uri}"]
        sweep(words, (1,))
        as_user("bob")
        sweep(words, (1, 2))
        shown = capsys.readouterr().err
        assert "failed" not in shown
        runs = runs_of(server, "shared")
        assert Counter("sweep" in run.data.tags for run in runs) == {True: 2, False: 2}
        assert {run.info.status for run in runs} == {"FINISHED"}

    def test_an_alias_on_the_server_is_not_moved_by_sync(self, server, tracked, as_user, capsys):
        words = [*tracked, "study.name=rivals"]
        first, second = sweep(words, (1, 2))
        promote(first.short_hash, "champion", "rivals", [*paths_of(words), f"tracking.uri={server.uri}"], as_json=False)
        promote(second.short_hash, "champion", "rivals", paths_of(words), as_json=False)
        capsys.readouterr()
        assert sync(paths_of(words), server.uri) == 0
        shown = capsys.readouterr().err
        assert "the alias champion of rivals stays on version 1 there; move it to version 2 with: " in shown
        assert f"sentiment-lab promote {second.short_hash} --as champion" in shown
        assert Store(server.uri, None).client.get_model_version_by_alias("rivals", "champion").version == "1"

    def test_access_needs_a_password(self, server, tracked, capsys, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
        monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
        assert sync(paths_of(tracked), server.uri) == 1
        assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in capsys.readouterr().err

    def test_a_host_name_that_is_not_allowed_is_refused(self, server):
        address, body = f"{server.uri}/api/2.0/mlflow/experiments/search", {"max_results": 1}
        admin = ("admin", ADMIN)
        assert requests.post(address, json=body, auth=admin, timeout=30).status_code == 200
        evil = requests.post(address, json=body, auth=admin, headers={"Host": "evil.example"}, timeout=30)
        assert evil.status_code == 403

    def test_a_browser_may_send_requests_only_from_the_servers_own_page(self, server):
        address, body = f"{server.uri}/ajax-api/2.0/mlflow/experiments/search", {"max_results": 1}
        for origin, code in (("http://mlflow.team:5000", 200), ("http://evil.example", 403)):
            headers = {"Origin": origin}
            asked = requests.post(address, json=body, auth=("admin", ADMIN), headers=headers, timeout=30)
            assert asked.status_code == code

    def test_clients_sweep_through_a_restart_without_losses_or_duplicates(self, server, tmp_path, cache, as_user):
        """Each client has separate folders, as on separate machines; two train networks, the others linear models."""
        study = "crowd"

        def client(number):
            model = ["model=gru", "model.units=[4]", "model.embedding_size=4", "training.epochs=3"]
            words = [
                *("train", "-m", "data.reviews=400", "data.length=12", "data.distance=2", f"study.name={study}"),
                *(model if number < 2 else ["model=nb_svm"]),
                f"seed={','.join(str(100 * number + seed) for seed in range(SEEDS))}",
                *(f"paths.runs={tmp_path}/{number}/runs", f"paths.store={tmp_path}/{number}", f"paths.cache={cache}"),
                *("launch.threads=1", "launch.progress=none", "tracking.system_metrics=false"),
            ]
            with (tmp_path / f"{number}.log").open("w") as log:
                environment = {**os.environ, "MLFLOW_TRACKING_URI": server.uri}
                done = subprocess.run(
                    [sys.executable, "-c", CLIENT, *words],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=False,
                    timeout=800,
                )
            return done.returncode

        store = Store(server.uri, None)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(client, number) for number in range(CLIENTS)]
            wait_for(lambda: sum(run.info.status == "FINISHED" for run in runs_of(server, study)) >= CLIENTS)
            server.stop()
            time.sleep(5)
            server.start()
            assert [done.result() for done in clients] == [0] * CLIENTS, logs(tmp_path)
        # Each client syncs what it could not mirror during the restart.
        for number in range(CLIENTS):
            words = [f"paths.runs={tmp_path}/{number}/runs", f"paths.store={tmp_path}/{number}"]
            assert sync(words, server.uri) == 0
        runs = [run for run in runs_of(server, study) if run.info.lifecycle_stage == "active"]
        children = [run for run in runs if "sweep" not in run.data.tags]
        assert Counter(run.info.status for run in runs) == {"FINISHED": CLIENTS * (SEEDS + 1)}, logs(tmp_path)
        hashes = Counter(run.data.tags["config_hash"] for run in children)
        assert (len(hashes), set(hashes.values())) == (CLIENTS * SEEDS, {1})
        assert all("test_accuracy" in run.data.metrics and "mlflow.parentRunId" in run.data.tags for run in children)
        models = Counter()
        token = None
        while True:
            page = store.client.search_logged_models([runs[0].info.experiment_id], page_token=token)
            models.update((model.source_run_id, str(model.status)) for model in page)
            token = page.token
            if not token:
                break
        assert len(models) == CLIENTS * SEEDS
        assert set(models.values()) == {1}

    def test_a_backup_restores_everything(self, place, database, server, tracked, as_user, tmp_path):
        words = [*tracked, "study.name=kept", f"tracking.uri={server.uri}"]
        folder = sweep(words, (7, 8))[0]
        variables = {**os.environ, **place[1]}
        made = subprocess.run(
            [DEPLOY / "backup.sh", tmp_path / "backups"], env=variables, check=True, capture_output=True, text=True
        )
        backup = made.stdout.strip()
        refused = subprocess.run(
            [DEPLOY / "restore.sh", backup], env=variables, check=False, capture_output=True, text=True
        )
        assert refused.returncode == 1
        assert "the database mlflow is not empty" in refused.stderr
        server.stop()
        for name in ("mlflow", "mlflow_auth"):
            psql("postgres", f"drop database {name} with (force)", database)
            psql("postgres", f"create database {name}", database)
        (place[0] / "artifacts").rename(tmp_path / "gone")
        subprocess.run([DEPLOY / "restore.sh", backup], env=variables, check=True)
        server.start()
        assert Counter(run.info.status for run in runs_of(server, "kept")) == {"FINISHED": 3}
        fetched = fetch_run(Store(server.uri, None), folder.short_hash, tmp_path / "fetched")
        assert fetched.result() == folder.result()


def wait_for(condition, seconds=500):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.5)


def logs(folder):
    return "\n".join(path.read_text()[-1500:] for path in sorted(folder.glob("*.log")))
