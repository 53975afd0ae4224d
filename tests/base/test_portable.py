"""`launch.portable`: the variables it needs, the restart that sets them, and a run recorded on another processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sentiment_lab.base.portable import VARIABLES, PortableError
from sentiment_lab.cli.main import main
from sentiment_lab.runs.provenance import differences, environment
from sentiment_lab.sweeps.execution import execute
from tests.tiny import LINEAR, TINY, job_of, locations

RECORDED = "1647c3aba753"
"""A SimpleRNN in experiments/claims, trained with one thread on a processor with AVX2 and without AVX-512."""


@pytest.fixture(autouse=True)
def default_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def portable(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def tiny(root, cache):
    return [*TINY, "launch.portable=true", "tracking=none", *locations(root, cache)]


@pytest.mark.parametrize("command", [["train"], ["train", "-m", "seed=1,2"]])
def test_a_process_that_cannot_restart_names_the_variables_and_trains_nothing(command, tmp_path, cache, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, *tiny(tmp_path, cache)])
    assert ended.value.code == 2
    written = capsys.readouterr().err
    assert all(f"{name}='{value}'" in written for name, value in VARIABLES.items())
    assert not (tmp_path / "runs").exists()


def test_a_run_checks_the_variables_of_its_own_process(tmp_path, cache):
    job = job_of(tiny(tmp_path, cache))
    with pytest.raises(PortableError, match="TF_ENABLE_ONEDNN_OPTS"):
        execute(job)
    assert job.folder.state == "new"


def test_a_command_restarts_itself_with_the_variables(tmp_path, cache, monkeypatch):
    class ReplacedError(Exception):
        """Stands for the end of this process."""

    def replace(program, arguments, variables):
        raise ReplacedError(program, arguments, variables)

    words = ["train", *tiny(tmp_path, cache)]
    monkeypatch.setattr(os, "execve", replace)
    monkeypatch.setattr(sys, "argv", ["sentiment-lab", *words])
    monkeypatch.setattr(sys, "orig_argv", ["python", "/bin/sentiment-lab", *words])
    with pytest.raises(ReplacedError) as replaced:
        main()
    program, arguments, variables = replaced.value.args
    assert (program, arguments) == (sys.executable, [sys.executable, "/bin/sentiment-lab", *words])
    assert variables == {**os.environ, **VARIABLES}


def test_the_variables_are_recorded_and_earlier_records_stay(monkeypatch):
    before = environment()
    assert not {"portable", "l1_cache"} & set(before)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    found = {difference.name: difference.category for difference in differences(before, environment())}
    assert found == {"onednn": "processor", "portable": "processor", "l1_cache": "processor"}


@pytest.mark.usefixtures("portable")
def test_a_portable_run_is_the_same_run(tmp_path, cache):
    overrides = [*LINEAR, "tracking=none", *locations(tmp_path, cache)]
    execute(job_of([*overrides, "launch.portable=true"], "nb_svm"))
    job = job_of(overrides, "nb_svm")
    assert job.folder.state == "complete"
    assert job.folder.environment()["portable"] == "true"


@pytest.mark.slow
def test_a_run_recorded_without_avx512_is_reproduced_to_the_bit(tmp_path, cache):
    words = [
        "reproduce",
        RECORDED,
        "--json",
        "launch.portable=true",
        "tracking.enabled=false",
        *locations(tmp_path, cache),
    ]
    command = [sys.executable, "-m", "sentiment_lab", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=400, check=True)
    assert json.loads(done.stdout)["verdict"] == "bit-identical"
