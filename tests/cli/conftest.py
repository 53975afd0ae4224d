"""Run command lines in this process, on two trained runs that all tests share as copies."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass

import pytest

from sentiment_lab.cli.main import main
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.epoch_loop import TrainingError
from tests.tiny import TINY, job_of, locations


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def lab(capsys, monkeypatch):
    """A function that runs a command line and returns how it ended; the handlers of signals stay those of pytest."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # `train` sets it for its process
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        written = capsys.readouterr()
        return Ended(ended.value.code, written.out, written.err)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def trained(tmp_path_factory, cache):
    """A folder with a complete run of the study `mine` and one that failed, both of networks."""
    root = tmp_path_factory.mktemp("trained")
    tiny = [*TINY, "tracking=none", *locations(root, cache)]
    execute(job_of([*tiny, "study.name=mine"]))
    with pytest.raises(TrainingError):
        execute(job_of([*tiny, "optimizer=sgd", "optimizer.learning_rate=1e38", "optimizer.global_clipnorm=null"]))
    return root / "runs"


@pytest.fixture
def two_runs(trained, tmp_path):
    """Copies of the complete and the failed run, in `mlruns/runs` of a folder that a test may change."""
    root = tmp_path / "mlruns" / "runs"
    shutil.copytree(trained, root)
    runs = {run.state: run for run in list_runs(root)}
    return runs["complete"], runs["failed"]


@pytest.fixture
def trained_run(two_runs, tmp_path, monkeypatch):
    """A copy of the complete run, below the current folder."""
    monkeypatch.chdir(tmp_path)
    return two_runs[0]
