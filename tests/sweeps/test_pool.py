"""Worker processes run what this process would run, and one that dies takes nothing with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.executors.pool import PoolExecutor, visible_gpus
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.sweeps.view import View

LINEAR = ["model=tfidf_logistic", "data.reviews=120", "data.length=12", "data.distance=2", "launch=pool"]
POOL = ["launch=pool", "launch.workers=2", "launch.threads=1", "launch.progress=none"]


@pytest.fixture
def places(tmp_path, cache):
    return ["tracking=none", f"paths.runs={tmp_path}/runs", f"paths.store={tmp_path}", f"paths.cache={cache}"]


def job_of(words):
    return Job(compose_config(words), words, "test")


class Watcher(View):
    """Keeps what it is told; `act` is called with each event's name."""

    def __init__(self, act=lambda event: None):
        super().__init__(0, epochs=False)
        self.lines, self.act = [], act

    def _say(self, line):
        self.lines.append(line)

    def started(self, job):
        super().started(job)
        self.act("started")

    def epoch_ended(self, job, record):
        super().epoch_ended(job, record)
        self.act("epoch")


def run_pool(jobs, log, act=lambda event, pool: None):
    pool = PoolExecutor(jobs[0].config.launch)
    view = Watcher(lambda event: act(event, pool))
    log.mkdir(exist_ok=True)
    outcomes = {outcome.job.folder.short_hash: outcome for outcome in pool.run(jobs, view, log, force=False)}
    return [outcomes[job.folder.short_hash] for job in jobs], view.lines


def test_a_sweep_keeps_the_order_asked_whatever_ends_first(places, capsys):
    jobs = [job_of([*LINEAR, *places, "launch.progress=lines", f"seed={seed}"]) for seed in (1, 2, 3)]
    execute(jobs[1])
    outcomes = run_sweep(jobs, ["seed=1,2,3"])
    assert [outcome.job.config.seed for outcome in outcomes] == [1, 2, 3]
    assert all(job.folder.state == "complete" for job in jobs)
    assert "complete before, not trained again" in capsys.readouterr().err


def test_a_bad_job_fails_alone_and_leaves_its_trace(places, tmp_path):
    jobs = [job_of([*LINEAR, *places, f"seed={seed}"]) for seed in (1, 2)]
    jobs[0].folder.path.mkdir(parents=True)
    (jobs[0].folder.path / "config.json").mkdir()  # what cannot be written
    outcomes, _ = run_pool(jobs, tmp_path / "log")
    assert outcomes[0].result is None
    assert outcomes[0].reason
    assert (tmp_path / "log" / f"{jobs[0].folder.short_hash}.trace.txt").is_file()
    assert outcomes[1].result == jobs[1].folder.result()


def test_workers_are_replaced_after_so_many_runs(places, tmp_path):
    words = [*LINEAR, *places, "launch.workers=1", "launch.runs_per_worker=1"]
    jobs = [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]
    pids = []

    def act(event, pool):
        if event == "started":
            pids.append(pool._workers[-1].process.pid)

    outcomes, _ = run_pool(jobs, tmp_path / "log", act)
    assert all(outcome.result for outcome in outcomes)
    assert len(set(pids)) == 2


def test_gpus_are_those_that_the_environment_names(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []


@pytest.mark.slow
def test_workers_give_the_same_weights_as_this_process(tiny, tmp_path):
    seeds = (1, 2, 3)
    here = [job_of([*tiny, "launch.threads=1", f"paths.runs={tmp_path}/here", f"seed={seed}"]) for seed in seeds]
    there = [job_of([*tiny, *POOL, f"paths.runs={tmp_path}/there", f"seed={seed}"]) for seed in seeds]
    outcomes, _ = run_pool(there, tmp_path / "log")
    command = ["launch.threads=1"]
    for job, outcome in zip(here, outcomes, strict=True):
        assert execute_alone(job, command).weights_digest == outcome.result.weights_digest


def execute_alone(job, words):
    """Run a job in a fresh process: this one may have started TensorFlow with other threads."""
    command = [sys.executable, "-m", "sentiment_lab", "train", *job.overrides, *words]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return job.folder.result()


def kill_once(pool, done):
    if not done:
        done.append(pool._workers[0].process.pid)
        os.kill(done[0], signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_worker_fails_nothing_and_its_job_goes_on(tiny, tmp_path):
    words = [*tiny, *POOL, "launch.workers=1", "training.epochs=4"]
    jobs = [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]
    killed = []
    outcomes, lines = run_pool(jobs, tmp_path / "log", lambda event, pool: event == "epoch" and kill_once(pool, killed))
    assert all(outcome.result for outcome in outcomes)
    assert any("was killed (SIGKILL: out of memory?); it is tried once more" in line for line in lines)
    whole = job_of([*words, "seed=1", f"paths.runs={tmp_path}/whole"])
    (again, *_), _ = run_pool([whole], tmp_path / "log")
    assert again.result.weights_digest == outcomes[0].result.weights_digest


@pytest.mark.slow
def test_a_job_that_kills_its_worker_twice_fails_alone(tiny, tmp_path):
    jobs = [job_of([*tiny, *POOL, "launch.workers=1", f"seed={seed}"]) for seed in (1, 2)]
    starts = []

    def act(event, pool):
        starts.append(event)
        if event == "started" and starts.count("started") <= 2:
            pool._workers[0].process.kill()

    outcomes, _ = run_pool(jobs, tmp_path / "log", act)
    assert outcomes[0].reason == "its worker was killed (SIGKILL: out of memory?), 2 times"
    assert outcomes[1].result


@pytest.mark.slow
def test_a_run_over_its_time_is_ended_and_can_go_on(tiny, tmp_path):
    words = [*tiny, *POOL, "launch.minutes_per_run=0.4"]
    long, short = job_of([*words, "training.epochs=100000"]), job_of(words)
    outcomes, _ = run_pool([long, short], tmp_path / "log")
    assert outcomes[0].reason == "it took longer than launch.minutes_per_run=0.4"
    assert long.folder.state == "interrupted"
    assert any(event["event"] == "epoch" for event in long.folder.events())
    assert outcomes[1].result


@pytest.mark.slow
def test_an_interruption_ends_all_workers_and_each_run_goes_on_later(tiny, tmp_path):
    words = [*tiny, *POOL, "training.epochs=30"]
    jobs = [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]
    pools = []

    def act(event, pool):
        pools.append(pool)
        if event == "epoch":
            raise KeyboardInterrupt("interrupted")

    with pytest.raises(KeyboardInterrupt):
        run_pool(jobs, tmp_path / "log", act)
    processes = [worker.process for worker in pools[0]._workers] + pools[0]._retired
    assert not any(process.is_alive() for process in processes)
    states = [job.folder.state for job in jobs]
    assert set(states) <= {"interrupted", "new"}
    assert "interrupted" in states
    outcomes, _ = run_pool(jobs, tmp_path / "log")
    assert all(outcome.result for outcome in outcomes)


@pytest.mark.slow
def test_runs_end_when_the_process_that_started_them_is_gone(tiny, tmp_path):
    words = [*tiny, *POOL, "training.epochs=100000"]
    command = [sys.executable, "-m", "sentiment_lab", "train", "-m", *words, "seed=1,2"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    jobs = [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]
    wait_for(lambda: all(any(e["event"] == "epoch" for e in job.folder.events()) for job in jobs))
    process.kill()
    process.wait()
    wait_for(lambda: all(job.folder.state == "interrupted" for job in jobs))


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
