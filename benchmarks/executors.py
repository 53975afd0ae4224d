"""Run one sweep of 30 runs with each launcher, break each but the first, and compare the weights: writes EXECUTORS.md.

    python -m benchmarks.executors

SimpleRNN, GRU and LSTM on the generated corpus with ten seeds each, one thread a run, as `sentiment-lab train -m`.
While they train: a worker of the pool is killed; of a Ray cluster of two nodes on loopback the second is killed; a job
of submitit's local executor gets the signal with which Slurm announces preemption. Each command is given once, never
again. A run that was hit shows more than one start in its journal.
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
WORDS = (
    *("model=simple_rnn,gru,lstm", "seed=0,1,2,3,4,5,6,7,8,9", "data.reviews=600", "data.length=16", "data.distance=4"),
    *("model.units=[8]", "model.embedding_size=8", "training.epochs=12", "training.batch_size=32"),
    *("launch.threads=1", "launch.progress=none", "tracking.system_metrics=false"),
)
SECONDS = 1500


@dataclass(frozen=True)
class Sweep:
    """What one launcher's sweep has left."""

    launcher: str
    done_to_it: str
    seconds: float
    weights: dict[str, str]
    """Digest of the weights by the run's hash."""
    hit: int
    """Runs that were started more than once."""


def main() -> int:
    """Run the sweeps; 1 where one is not whole, was not hit, or has other weights."""
    with tempfile.TemporaryDirectory(prefix="everywhere-") as work:
        sweeps = [_inline(Path(work)), _pool(Path(work)), _ray(Path(work)), _slurm(Path(work))]
    FILE.write_text(_page(sweeps), encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))
    whole = all(len(sweep.weights) == RUNS and sweep.weights == sweeps[0].weights for sweep in sweeps)
    return 0 if whole and all(sweep.hit for sweep in sweeps[1:]) else 1


def _inline(work: Path) -> Sweep:
    return _sweep(work, "inline", "nothing", [], lambda _command: True)


def _pool(work: Path) -> Sweep:
    def kill(command: psutil.Process) -> bool:
        return _signal_one(command, "multiprocessing.spawn", signal.SIGKILL)

    return _sweep(work, "pool", "a worker killed", ["launch.workers=2"], kill)


def _slurm(work: Path) -> Sweep:
    def preempt(command: psutil.Process) -> bool:
        return _signal_one(command, "submitit.core._submit", signal.SIGUSR2)

    words = ["launch.cluster=local", "launch.workers=2"]
    return _sweep(work, "slurm", "a job preempted (submitit's local executor)", words, preempt)


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
    work: Path, launcher: str, done_to_it: str, words: Sequence[str], hit: Callable[[psutil.Process], bool]
) -> Sweep:
    """Give the command; once a third of the runs is complete and two are amid their epochs, hit it."""
    root = work / launcher
    root.mkdir()
    places = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={work}/cache"]
    command = [sys.executable, "-m", "sentiment_lab", "train", "-m", f"launch={launcher}", *words, *WORDS, *places]
    started, waiting = time.monotonic(), launcher != "inline"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment)
        while process.poll() is None:
            time.sleep(0.2)
            if waiting and sum("completed" in events for events in _events(root)) >= RUNS // 3 and _amid(root) >= 2:
                waiting = not hit(psutil.Process(process.pid))
            if time.monotonic() - started > SECONDS:
                process.kill()
                raise CandidateError(f"{launcher} took longer than {SECONDS} s: {(root / 'log').read_text()[-2000:]}")
    if process.returncode:
        raise CandidateError(f"{launcher} ended with {process.returncode}: {(root / 'log').read_text()[-3000:]}")
    found = Sweep(
        launcher,
        done_to_it,
        time.monotonic() - started,
        {run.short_hash: run.result().weights_digest for run in list_runs(root / "runs") if run.state == "complete"},
        sum(events.count("started") > 1 for events in _events(root)),
    )
    print(f"{launcher}: {len(found.weights)} runs, {found.hit} hit, {found.seconds:.0f} s", flush=True)
    return found


def _signal_one(command: psutil.Process, words: str, number: signal.Signals) -> bool:
    """Send a signal to a process below the command whose command line has these words; tell whether there was one."""
    for process in command.children(recursive=True):
        with suppress(psutil.Error):
            if words in " ".join(process.cmdline()):
                process.send_signal(number)
                return True
    return False


def _amid(root: Path) -> int:
    """Return how many runs have trained some of their epochs and not all."""
    return sum("epoch" in events and "completed" not in events for events in _events(root))


def _events(root: Path) -> list[list[str]]:
    """Return the names of the events of each run."""
    return [[event["event"] for event in reading.events] for _, reading in read_journals(root / "runs")]


def _page(sweeps: Sequence[Sweep]) -> str:
    facts, first = machine.describe(), sweeps[0]
    lines = ["# One sweep, four launchers, the same weights", "", *(__doc__ or "").strip().splitlines(), ""]
    lines += [f"Measured {now()} on {facts['cpu']}, {facts['cores']} cores.", ""]
    lines += ["| launcher | what was done to it | runs | started again | minutes | weights as inline |"]
    lines += ["| --- | --- | ---: | ---: | ---: | --- |"]
    for sweep in sweeps:
        same = sum(sweep.weights.get(name) == digest for name, digest in first.weights.items())
        lines.append(
            f"| {sweep.launcher} | {sweep.done_to_it} | {len(sweep.weights)} | {sweep.hit} | {sweep.seconds / 60:.1f} "
            f"| {same} of {RUNS} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
