"""Worker processes run the same code as this process, and a worker that dies fails no other job."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from multiprocessing import Pipe
from types import SimpleNamespace

import pytest

from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.executors import pool as pool_module
from sentiment_lab.sweeps.executors.pool import PoolExecutor, visible_gpus
from sentiment_lab.sweeps.executors.worker import Settings, with_worker_settings, work
from sentiment_lab.sweeps.sweep import run_sweep
from sentiment_lab.sweeps.view import View
from tests.tiny import LINEAR, job_of, locations

POOL = ["launch=pool", "launch.workers=2", "launch.threads=1", "launch.progress=none"]
DIES = "dies"
"""A message of a scripted worker: its process is killed."""


class Recorder(View):
    """Keeps the lines; `act` is called with the name of each event."""

    def __init__(self, act=lambda event: None):
        super().__init__(0, epochs=False)
        self.lines, self.act = [], act

    def _print(self, line):
        self.lines.append(line)

    def started(self, job):
        super().started(job)
        self.act("started")

    def epoch_ended(self, job, record):
        super().epoch_ended(job, record)
        self.act("epoch")


def run_pool(jobs, log, act=lambda event, pool: None):
    """Run jobs in a pool; return their outcomes in order, and the lines of the view."""
    pool = PoolExecutor(jobs[0].config.launch)
    view = Recorder(lambda event: act(event, pool))
    log.mkdir(exist_ok=True)
    outcomes = {outcome.job.folder.short_hash: outcome for outcome in pool.run(jobs, view, log, force=False)}
    return [outcomes[job.folder.short_hash] for job in jobs], view.lines


class ScriptedWorker:
    """Stands for a worker process: a thread that answers each job with the messages of a script."""

    def __init__(self, script, pipe):
        self.pipe, self._script = pipe, script
        self.jobs, self.exitcode, self._signal = [], None, 0
        self._ended = threading.Event()

    def start(self):
        self.pipe = type(self.pipe)(os.dup(self.pipe.fileno()))  # the executor closes its own copy
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self):
        try:
            while not self._signal:
                self.jobs.append(self.pipe.recv())
                for message in self._script(self.jobs[-1]):
                    if message == DIES:
                        self._signal = signal.SIGKILL
                    else:
                        self.pipe.send(message)
        except (EOFError, OSError):
            pass
        finally:
            self.exitcode = -self._signal
            self.pipe.close()
            self._ended.set()

    def terminate(self):
        self._signal = signal.SIGTERM
        with socket.socket(fileno=os.dup(self.pipe.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)

    kill = terminate

    def is_alive(self):
        return not self._ended.is_set()

    def join(self, timeout=None):
        self._ended.wait(timeout)


@pytest.fixture
def scripted(monkeypatch):
    """Replace worker processes by scripted threads: `scripted(script)` returns the list of those that started."""

    def install(script):
        workers = []

        def start_process(target, args, name):
            assert target is work
            workers.append(ScriptedWorker(script, args[0]))
            return workers[-1]

        context = SimpleNamespace(Pipe=Pipe, Process=start_process)
        monkeypatch.setattr(pool_module.multiprocessing, "get_context", lambda _: context)
        return workers

    result = SimpleNamespace(test=SimpleNamespace(accuracy=0.5))
    monkeypatch.setattr(RunFolder, "result", lambda self: result)
    return install


@pytest.fixture(scope="module")
def two(tmp_path_factory, cache):
    """Two jobs for a pool of one worker, with seeds 1 and 2; nothing is written into their folders."""
    words = [*LINEAR, *POOL, "launch.workers=1", *locations(tmp_path_factory.mktemp("two"), cache)]
    return [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]


def with_launch(job, **settings):
    """Return a job with other settings of `launch`."""
    return replace(job, config=replace(job.config, launch=replace(job.config.launch, **settings)))


SUCCESS, FAILURE = ("ended", ("", 100.0)), ("ended", ("DataError: no", 100.0))


def test_messages_of_a_worker_reach_the_view(scripted, two, tmp_path):
    workers = scripted(lambda job: [("message", f"a warning of {job.name}"), SUCCESS])
    outcomes, lines = run_pool(two, tmp_path / "log")
    assert all(outcome.result for outcome in outcomes)
    assert len(workers) == 1
    assert [job.config.seed for job in workers[0].jobs] == [1, 2]
    assert lines[0] == "1 workers, 1 threads each"
    assert [line.partition("] ")[2] for line in lines if "warning" in line] == [
        "a warning of bilstm seed=1",
        "a warning of bilstm seed=2",
    ]


def test_the_job_of_a_worker_that_dies_is_retried_once_by_another(scripted, two, tmp_path):
    answers = iter([[DIES], [SUCCESS], [SUCCESS]])
    workers = scripted(lambda job: next(answers))
    outcomes, lines = run_pool(two, tmp_path / "log")
    assert all(outcome.result for outcome in outcomes)
    assert [[job.config.seed for job in worker.jobs] for worker in workers] == [[1], [1, 2]]
    (line,) = (line for line in lines if "killed" in line)
    assert line.endswith("its worker was killed (SIGKILL: out of memory?); the job is retried once")


def test_a_job_whose_worker_dies_twice_fails_alone(scripted, two, tmp_path):
    scripted(lambda job: [DIES] if job.config.seed == 1 else [SUCCESS])
    (bad, good), _ = run_pool(two, tmp_path / "log")
    assert bad.reason == "its worker was killed (SIGKILL: out of memory?), 2 times"
    assert good.result


def test_a_job_that_fails_ends_no_other(scripted, two, tmp_path):
    scripted(lambda job: [FAILURE if job.config.seed == 1 else SUCCESS])
    (bad, good), lines = run_pool(two, tmp_path / "log")
    assert (bad.result, bad.reason) == (None, "DataError: no")
    assert good.result
    assert "  failed: DataError: no" in lines


def test_a_run_over_its_time_is_terminated(scripted, two, tmp_path):
    job = with_launch(two[0], minutes_per_run=0.001)
    workers = scripted(lambda _: [])
    (outcome,), _ = run_pool([job], tmp_path / "log")
    assert outcome.reason == "it took longer than launch.minutes_per_run=0.001"
    assert [worker.exitcode for worker in workers] == [-signal.SIGTERM]


@pytest.mark.parametrize(
    ("settings", "peaks", "number"),
    [
        ({"runs_per_worker": 3}, (100.0, 100.0, 100.0), 1),
        ({"runs_per_worker": 1}, (100.0, 100.0, 100.0), 3),
        ({"worker_growth_mib": 50}, (100.0, 160.0, 160.0), 2),
    ],
    ids=str,
)
def test_workers_are_replaced_after_so_many_runs_or_so_much_memory(settings, peaks, number, scripted, two, tmp_path):
    third = replace(two[0], config=replace(two[0].config, seed=3))
    workers = scripted(lambda job: [("ended", ("", peaks[job.config.seed - 1]))])
    outcomes, _ = run_pool([with_launch(job, **settings) for job in (*two, third)], tmp_path / "log")
    assert all(outcome.result for outcome in outcomes)
    assert len(workers) == number


def test_an_interruption_terminates_the_busy_workers(scripted, two, tmp_path):
    workers = scripted(lambda job: [("epoch", None)])

    def act(event, pool):
        if event == "epoch":
            raise KeyboardInterrupt("interrupted")

    with pytest.raises(KeyboardInterrupt):
        run_pool(two, tmp_path / "log", act)
    assert [worker.exitcode for worker in workers] == [-signal.SIGTERM]


def test_a_worker_runs_jobs_from_its_pipe_and_sends_what_happens(linear, tmp_path, monkeypatch):
    jobs = [job_of([*linear, f"seed={seed}"]) for seed in (1, 2)]
    jobs[0].folder.path.mkdir(parents=True)
    (jobs[0].folder.path / "config.json").mkdir()  # this run cannot write its config
    ours, theirs = Pipe()
    messages = []

    def listen():
        for job in jobs:
            ours.send(job)
            messages.append([])
            while not messages[-1] or messages[-1][-1][0] != "ended":
                messages[-1].append(ours.recv())
        ours.close()

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # restored afterwards
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    thread = threading.Thread(target=listen)
    thread.start()
    try:
        work(theirs, Settings(1, "3", tmp_path, force=False))
    finally:
        thread.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    (_, (reason, _)), (_, (success, mib)) = messages[0][-1], messages[1][-1]
    assert reason.startswith("StorageError: ")
    assert (tmp_path / f"{jobs[0].folder.short_hash}.trace.txt").is_file()
    assert (success, mib > 0) == ("", True)
    assert jobs[1].folder.state == "complete"
    assert "epoch" in {kind for kind, _ in messages[1]}


def test_a_job_runs_in_a_worker_with_its_threads_and_the_same_hash(linear):
    job = job_of(linear)
    remote = with_worker_settings(job, 3)
    assert (remote.config.launch.threads, remote.config.launch.progress) == (3, "none")
    assert remote.folder == job.folder


def test_gpus_are_those_that_the_environment_names(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpus() == ["2", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_gpus() == []


def test_a_sweep_in_a_worker_process_keeps_the_order_requested(linear, capsys):
    words = [*linear, "launch=pool", "launch.workers=1", "launch.progress=lines"]
    jobs = [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]
    execute(jobs[1])
    outcomes = run_sweep(jobs, ["seed=1,2"])
    assert [outcome.job.config.seed for outcome in outcomes] == [1, 2]
    assert all(job.folder.state == "complete" for job in jobs)
    assert "complete, not trained again (--force retrains it)" in capsys.readouterr().err


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
def test_the_job_of_a_killed_worker_resumes_and_no_job_fails(tiny, tmp_path):
    words = [*tiny, *POOL, "launch.workers=1", "training.epochs=4"]
    jobs = [job_of([*words, f"seed={seed}"]) for seed in (1, 2)]
    killed = []
    outcomes, lines = run_pool(jobs, tmp_path / "log", lambda event, pool: event == "epoch" and kill_once(pool, killed))
    assert all(outcome.result for outcome in outcomes)
    assert any("was killed (SIGKILL: out of memory?); the job is retried once" in line for line in lines)
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
def test_a_run_over_its_time_is_ended_and_can_resume(tiny, tmp_path):
    words = [*tiny, *POOL, "launch.minutes_per_run=0.8"]
    long, short = job_of([*words, "training.epochs=100000"]), job_of(words)
    outcomes, _ = run_pool([long, short], tmp_path / "log")
    assert outcomes[0].reason == "it took longer than launch.minutes_per_run=0.8"
    assert long.folder.state == "interrupted"
    assert any(event["event"] == "epoch" for event in long.folder.events())
    assert outcomes[1].result


@pytest.mark.slow
def test_an_interruption_ends_all_workers_and_each_run_resumes_later(tiny, tmp_path):
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
