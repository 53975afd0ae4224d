"""Runs on other machines: a real Ray cluster of two nodes on this one, and submitit's local executor for Slurm."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace

import psutil
import pytest

from sentiment_lab.cli.main import main
from sentiment_lab.sweeps.executors.base import JobOutcome
from sentiment_lab.sweeps.executors.remote import LaunchError, check_gpus, remote_jobs
from sentiment_lab.sweeps.executors.slurm import SlurmExecutor
from tests.sweeps.test_pool import Recorder, execute_alone
from tests.tiny import job_of

THREAD = ["launch.threads=1", "launch.progress=none"]


def run(executor, jobs, log, act=lambda event: None):
    view = Recorder(act)
    log.mkdir(exist_ok=True)
    outcomes = {outcome.job.folder.short_hash: outcome for outcome in executor.run(jobs, view, log, force=False)}
    return [outcomes[job.folder.short_hash] for job in jobs], view.lines


def assert_same_as_alone(outcomes, words, tmp_path):
    for outcome in outcomes:
        assert isinstance(outcome, JobOutcome)
        assert outcome.result, outcome.reason
        seed = outcome.job.config.seed
        alone = job_of([*words, f"paths.runs={tmp_path}/alone", f"seed={seed}"])
        assert execute_alone(alone, ["launch=inline"]).weights_digest == outcome.result.weights_digest


def epochs_of(job):
    return [event for event in job.folder.events() if event["event"] == "epoch"]


@pytest.mark.parametrize(("launch", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_launcher_names_the_command_that_installs_it(launch, package, monkeypatch, linear, capsys):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit) as ended:
        main(["train", "-m", *linear, f"launch={launch}", "seed=1,2"])
    assert ended.value.code == 2
    needed = f"error: launch={launch} needs {package}: pip install 'sentiment-lab[{launch}]'"
    assert needed in capsys.readouterr().err


def test_slurm_without_its_commands_is_refused_before_anything_is_written(monkeypatch, linear, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["train", "-m", *linear, "launch=slurm", "seed=1,2"])
    assert ended.value.code == 2
    assert "launch=slurm needs sbatch, which is not on PATH" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "sweeps").exists()


def test_a_run_that_needs_more_gpus_than_the_cluster_has_is_refused():
    launch = job_of(["launch=ray", "launch.gpus_per_run=2"]).config.launch
    check_gpus(launch, 2)
    with pytest.raises(LaunchError, match=r"launch\.gpus_per_run must be at most 1, the GPUs of the cluster, got 2"):
        check_gpus(launch, 1)


def test_a_worker_with_other_versions_fails_its_job_before_training(linear, tmp_path):
    (remote,) = remote_jobs([job_of(linear)], tmp_path, force=False)
    other = replace(remote, versions={**remote.versions, "tensorflow": "2.20.0"})
    reason = other()
    assert "the versions of this worker differ from those of the sweep's process: tensorflow " in reason
    assert "instead of 2.20.0" in reason
    assert remote.job.folder.state == "new"


def test_a_remote_job_has_absolute_paths_and_the_hash_of_its_job(linear, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = job_of([*linear, "paths.runs=here/runs", "paths.store=here", "launch.cpus_per_run=3"])
    (remote,) = remote_jobs([job], tmp_path, force=False)
    assert remote.job.folder.path == (tmp_path / "here" / "runs" / job.folder.short_hash)
    assert remote.job.config.launch.threads == 3
    table = job_of(["data=table", "data.path=part-*.csv", "paths.runs=here/runs", "paths.store=here"])
    (remote,) = remote_jobs([table], tmp_path, force=False)
    assert remote.job.config.data.path == str(tmp_path / "part-*.csv")


def test_the_sbatch_file_has_the_settings_of_the_config(monkeypatch, tmp_path):
    for name in ("srun", "sbatch"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    words = ["launch.partition=gpu", "launch.cpus_per_run=4", "launch.gpus_per_run=1", "launch.minutes_per_run=90"]
    launch = job_of(["launch=slurm", "launch.workers=8", *words]).config.launch
    executor = SlurmExecutor(launch).executor(tmp_path / "log")._executor
    executor.parameters["map_count"] = 30
    text = executor._make_submission_file_text("python run.py", "0")
    for line in (
        "--job-name=sentiment_lab",
        "--partition=gpu",
        "--cpus-per-task=4",
        "--gpus-per-node=1",
        "--time=90",
        "--array=0-29%8",
        "--signal=USR2@120",
        "--open-mode=append",
    ):
        assert f"#SBATCH {line}\n" in text


@pytest.mark.slow
def test_preempted_slurm_jobs_resume_and_end_like_uninterrupted_ones(tiny, tmp_path, monkeypatch):
    words = [*tiny, *THREAD, "training.epochs=40"]
    local = ["launch=slurm", "launch.cluster=local", "launch.workers=2"]
    jobs = [job_of([*words, *local, *THREAD, f"seed={seed}"]) for seed in (1, 2)]
    submitted, preempted = [], []
    submit = SlurmExecutor._submit

    def keep(self, executor, batch):
        entries = submit(self, executor, batch)
        submitted.extend(entries)
        return entries

    def act(event):
        if event == "epoch" and not preempted:
            entry = next(entry for entry in submitted if epochs_of(entry[2]))
            preempted.append(entry)
            (task,) = psutil.Process(entry[0]._process.pid).children()
            task.send_signal(signal.SIGUSR2)  # what Slurm sends before it takes a machine away

    monkeypatch.setattr(SlurmExecutor, "_submit", keep)
    outcomes, _ = run(SlurmExecutor(jobs[0].config.launch), jobs, tmp_path / "log", act)
    attempts = [event["event"] for event in preempted[0][2].folder.events()]
    assert attempts.count("started") == 2
    assert_same_as_alone(outcomes, words, tmp_path)


@pytest.fixture
def two_nodes(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_runs_of_a_dead_ray_node_resume_on_the_other_node(two_nodes, tiny, tmp_path):
    from sentiment_lab.sweeps.executors.ray import RayExecutor

    cluster, second = two_nodes
    words = [*tiny, *THREAD, "training.epochs=40"]
    jobs = [job_of([*words, "launch=ray", f"launch.address={cluster.address}", *THREAD, f"seed={s}"]) for s in (1, 2)]
    killed = []

    def act(event):
        if event == "epoch" and all(epochs_of(job) for job in jobs) and not killed:
            killed.append(second)
            cluster.remove_node(second, allow_graceful=False)

    outcomes, lines = run(RayExecutor(jobs[0].config.launch), jobs, tmp_path / "log", act)
    assert lines[0] == "Ray: 2 nodes, 2 processors"
    assert killed
    attempts = [[event["event"] for event in job.folder.events()].count("started") for job in jobs]
    assert sorted(attempts) == [1, 2]
    assert_same_as_alone(outcomes, words, tmp_path)


def test_an_unreachable_ray_cluster_is_reported(tiny):
    pytest.importorskip("ray")
    from sentiment_lab.sweeps.executors.ray import RayExecutor

    launch = job_of([*tiny, "launch=ray", "launch.address=127.0.0.1:1"]).config.launch
    with pytest.raises(LaunchError, match=r"no Ray cluster at launch\.address=127\.0\.0\.1:1"):
        list(RayExecutor(launch).run([job_of(tiny)], Recorder(), None, force=False))
