"""The promoted model, served over HTTP, predicts like `predict`: in this environment and in its recorded one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from sentiment_lab.cli.predict import predict_texts
from sentiment_lab.cli.promote import promote
from sentiment_lab.sweeps.execution import execute
from tests.tiny import job_of

TEXTS = ["a fine film, I loved it", "dull, bad and far too long", "Ünïcödé <br /> 'quoted' \"twice\""]


@contextmanager
def serving(uri, env_manager, seconds, folder, **environment):
    """Serve a model on a free port until the block ends, then end all its processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["models", "serve", "-m", uri, "--env-manager", env_manager, "--host", "127.0.0.1", "--port", str(port)]
    scripts = Path(sys.executable).parent  # MLflow starts `uvicorn` by its name, as in an activated environment
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words],
            env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", **environment},
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(server, address, seconds, folder)
        yield address
    finally:
        end(server)


def wait_until_up(server, address, seconds, folder):
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError), urllib.request.urlopen(f"{address}/ping", timeout=30):  # noqa: S310  # loopback
            return
        assert server.poll() is None, (folder / "serve.log").read_text()[-3000:]
        assert time.monotonic() < deadline, (folder / "serve.log").read_text()[-3000:]
        time.sleep(0.5)


def end(server):
    """End a process and the processes that it started, each by its id."""
    processes = [process for process in psutil.process_iter() if in_group(process.pid, server.pid)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, processes = psutil.wait_procs(processes, timeout=30)
    server.wait(timeout=30)
    assert processes == []


def in_group(pid, group):
    try:
        return os.getpgid(pid) == group
    except OSError:  # it ended meanwhile, or belongs to another user
        return False


def ask(address, body):
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{address}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # loopback
        return json.load(answer)["predictions"]


def assert_answers(address, expected):
    frame = {"columns": ["review"], "data": [[text] for text in TEXTS]}
    for body in ({"inputs": TEXTS}, {"dataframe_split": frame}):
        rows = ask(address, body)
        assert [row["label"] for row in rows] == [row["label"] for row in expected]
        assert [row["probability"] for row in rows] == pytest.approx([row["probability"] for row in expected], abs=1e-6)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(address, {"inputs": {"review": [1], "other": [2]}})
    assert refused.value.code == 400
    refused.value.close()


@pytest.fixture
def champion(tracked, tmp_path, capsys, monkeypatch):
    """The predictions of `predict` for the texts, from a run whose model is the champion of the store in use."""
    one = job_of([*tracked, "model.units=[8]", "training.epochs=4"])
    execute(one)
    promote(one.folder.short_hash, "champion", "sentiment", one.overrides, as_json=True)
    capsys.readouterr()
    assert predict_texts(str(one.folder.path.parent), one.folder.short_hash, TEXTS, as_json=True) == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_the_champion_is_served_where_it_was_trained(champion, tmp_path):
    with serving("models:/sentiment@champion", "local", 180, tmp_path) as address:
        assert_answers(address, champion)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on PATH; it makes the environment that was recorded")
def test_the_champion_is_served_in_its_own_environment_with_its_own_code(champion, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    environments = tmp_path / "environments"
    try:
        with serving("models:/sentiment@champion", "uv", 1500, tmp_path, MLFLOW_ENV_ROOT=str(environments)) as address:
            assert_answers(address, champion)
        (python,) = environments.glob("mlflow-*/bin/python")
        found = subprocess.run([python, "-c", "import sentiment_lab"], cwd=tmp_path, capture_output=True, check=False)
        assert found.returncode == 1, "the served code is the one logged with the model"
    finally:
        shutil.rmtree(environments, ignore_errors=True)  # gigabytes that pytest would keep
