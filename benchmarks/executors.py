"""Run one sweep of 30 runs with each executor, with a failure in all but the first, and compare the weights.

    python -m benchmarks.executors

Writes EXECUTORS.md. The sweep trains SimpleRNN, GRU and LSTM on the generated corpus with ten seeds each and one thread
per run, with `sentiment-lab train -m`. During training, a pool worker is killed; one of two nodes of a Ray cluster on
loopback is killed; a job of submitit's local executor receives the signal with which Slurm announces preemption. Each
command runs only once. An interrupted run has more than one start in its journal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import machine
from benchmarks.protocol import ROOT, CandidateError
from benchmarks.results import now
from sentiment_lab.runs.listing import list_runs, read_journals

FILE = ROOT / "benchmarks" / "EXECUTORS.md"
RUNS = 30
OVERRIDES = (
    *("model=simple_rnn,gru,lstm", "seed=0,1,2,3,4,5,6,7,8,9", "data.reviews=600", "data.length=16", "data.distance=4"),
    *("model.units=[8]", "model.embedding_size=8", "training.epochs=12", "training.batch_size=32"),
    *("launch.threads=1", "launch.progress=none", "tracking.system_metrics=false"),
)
TIMEOUT = 1500
"""Seconds for one sweep."""


@dataclass(frozen=True)
class Sweep:
    """The outcome of the sweep with one executor."""

    executor: str
    failure: str
    """The failure that was caused during training."""
    seconds: float
    weights: dict[str, str]
    """Digest of the weights by the hash of the run."""
    restarted: int
    """Runs that were started more than once."""


def main() -> int:
    """Run the sweeps; return 1 if one is incomplete, was not interrupted, or has different weights."""
    with tempfile.TemporaryDirectory(prefix="executors-") as work:
        sweeps = [_inline(Path(work)), _pool(Path(work)), _ray(Path(work)), _slurm(Path(work))]
    FILE.write_text(_page(sweeps), encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))
    equal = all(len(sweep.weights) == RUNS and sweep.weights == sweeps[0].weights for sweep in sweeps)
    return 0 if equal and all(sweep.restarted for sweep in sweeps[1:]) else 1


def _inline(work: Path) -> Sweep:
    return _sweep(work, "inline", "none", [], lambda _command: True)


def _pool(work: Path) -> Sweep:
    def kill(command: psutil.Process) -> bool:
        return _signal_one(command, "multiprocessing.spawn", signal.SIGKILL)

    return _sweep(work, "pool", "a worker killed", ["launch.workers=2"], kill)


def _slurm(work: Path) -> Sweep:
    def preempt(command: psutil.Process) -> bool:
        return _signal_one(command, "submitit.core._submit", signal.SIGUSR2)

    overrides = ["launch.cluster=local", "launch.workers=2"]
    return _sweep(work, "slurm", "a job preempted (submitit's local executor)", overrides, preempt)


def _ray(work: Path) -> Sweep:
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)

    def remove(_command: psutil.Process) -> bool:
        cluster.remove_node(second, allow_graceful=False)
        return True

    try:
        return _sweep(work, "ray", "one of two nodes killed", [f"launch.address={cluster.address}"], remove)
    finally:
        ray.shutdown()
        cluster.shutdown()


def _sweep(
    work: Path, executor: str, failure: str, overrides: Sequence[str], interrupt: Callable[[psutil.Process], bool]
) -> Sweep:
    """Run the sweep; interrupt it once a third of the runs is complete and two others have trained some epochs."""
    root = work / executor
    root.mkdir()
    paths = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={work}/cache"]
    arguments = ["train", "-m", f"launch={executor}", *overrides, *OVERRIDES, *paths]
    command = [sys.executable, "-m", "sentiment_lab", *arguments]
    started, waiting = time.monotonic(), executor != "inline"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment)
        while process.poll() is None:
            time.sleep(0.2)
            if waiting and _count_completed(root) >= RUNS // 3 and _count_in_training(root) >= 2:
                waiting = not interrupt(psutil.Process(process.pid))
            if time.monotonic() - started > TIMEOUT:
                process.kill()
                raise CandidateError(f"{executor} took longer than {TIMEOUT} s: {_tail(root)}")
    if process.returncode:
        raise CandidateError(f"{executor} ended with exit code {process.returncode}: {_tail(root)}")
    sweep = Sweep(
        executor,
        failure,
        time.monotonic() - started,
        {run.short_hash: run.result().weights_digest for run in list_runs(root / "runs") if run.state == "complete"},
        sum(events.count("started") > 1 for events in _events(root)),
    )
    print(f"{executor}: {len(sweep.weights)} runs, {sweep.restarted} restarted, {sweep.seconds:.0f} s", flush=True)
    return sweep


def _signal_one(command: psutil.Process, text: str, number: signal.Signals) -> bool:
    """Send a signal to a child process whose command line contains the text; return whether there was one."""
    for process in command.children(recursive=True):
        with suppress(psutil.Error):
            if text in " ".join(process.cmdline()):
                process.send_signal(number)
                return True
    return False


def _tail(root: Path) -> str:
    return (root / "log").read_text(errors="replace")[-3000:]


def _count_completed(root: Path) -> int:
    return sum("completed" in events for events in _events(root))


def _count_in_training(root: Path) -> int:
    """Return the number of runs that have trained some but not all of their epochs."""
    return sum("epoch" in events and "completed" not in events for events in _events(root))


def _events(root: Path) -> list[list[str]]:
    """Return the names of the journal events of each run."""
    return [[event["event"] for event in journal.events] for _, journal in read_journals(root / "runs")]


def _page(sweeps: Sequence[Sweep]) -> str:
    metadata, inline = machine.describe(), sweeps[0]
    lines = ["# One sweep, four executors, the same weights", "", *(__doc__ or "").strip().splitlines(), ""]
    lines += [f"Measured {now()} on {metadata['cpu']}, {metadata['cores']} cores.", ""]
    lines += ["| executor | failure | runs | restarted | minutes | weights equal to inline |"]
    lines += ["| --- | --- | ---: | ---: | ---: | --- |"]
    for sweep in sweeps:
        equal = sum(sweep.weights.get(name) == digest for name, digest in inline.weights.items())
        counts = f"{len(sweep.weights)} | {sweep.restarted} | {sweep.seconds / 60:.1f} | {equal} of {RUNS}"
        lines.append(f"| {sweep.executor} | {sweep.failure} | {counts} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
