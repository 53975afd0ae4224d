"""Overhead: time of a run beyond its training, and duration of the commands that train nothing.

A sweep of tiny runs on generated text, with MLflow, figures and the logged model, is timed as a process, with few and
with more seeds. The difference, minus the training seconds that the runs report, is divided by the number of additional
seeds; this excludes the start of the process and of the store. The quickstart sweep is timed completely, including both
starts; its overhead share is (wall - training) / wall. `runs` lists folders of runs that were never trained
(synthetic.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare import build_runs
from benchmarks.protocol import ROOT, CandidateError
from benchmarks.results import Measured, Values, at_most
from benchmarks.suite import Suite, print_progress

TITLE = "Overhead"
TINY = (
    "data.reviews=200",
    "data.length=12",
    "data.distance=2",
    "model.units=[8]",
    "model.embedding_size=8",
    "training.epochs=2",
    "launch.progress=none",
)
SWEEP = "run of a sweep"
OVERHEAD, WALL_TIME = "overhead", "wall time"


def measure(suite: Suite) -> Measured:
    """Time sweeps, then the commands."""
    values = Values()
    _sweeps(suite, values)
    if suite.size == "full":
        _quickstart(suite, values)
    runs = suite.pick(full=1_000, quick=300, smoke=50)
    jobs = suite.pick(full=100, quick=100, smoke=5)
    names = {"--help": "--help", "plan": f"plan of {jobs} jobs", "runs": f"runs of {runs:,}"}
    _commands(suite, values, runs, jobs, names)
    targets = [
        at_most("overhead per run of a sweep", values.median(SWEEP, OVERHEAD, "s"), 2, "s"),
        at_most(names["--help"], values.median(names["--help"], WALL_TIME, "s"), 0.7, "s"),
        at_most(names["plan"], values.median(names["plan"], WALL_TIME, "s"), 3, "s"),
        at_most(names["runs"], values.median(names["runs"], WALL_TIME, "s"), 1, "s"),
    ]
    notes = []
    if suite.size == "full":
        share = values.median("quickstart", OVERHEAD, "%")
        targets.insert(1, at_most("overhead share of the quickstart sweep", share, 5, "%"))
    else:
        notes.append("The quickstart sweep is measured only in the full size.")
    return values.measured({}, targets, notes)


def _sweeps(suite: Suite, values: Values) -> None:
    few, many, repeats = suite.pick(full=(2, 12, 1), quick=(1, 4, 1), smoke=(1, 2, 1))
    for repeat in range(repeats):
        print_progress(f"  sweeps of {few} and {many} runs")
        overheads = []
        for seeds in (few, many):
            overrides = [*TINY, "seed=" + ",".join(map(str, range(seeds)))]
            wall, training = sweep(suite.work / f"sweep-{repeat}-{seeds}", suite.work / "tiny", overrides)
            overheads.append(wall - training)
        values.add(SWEEP, OVERHEAD, "s", (overheads[1] - overheads[0]) / (many - few))


def _quickstart(suite: Suite, values: Values) -> None:
    print_progress("  the quickstart sweep")
    wall, training = sweep(suite.work / "quickstart", suite.work / "tiny", ["+experiments=quickstart"])
    values.add("quickstart", WALL_TIME, "s", wall)
    values.add("quickstart", "training", "s", training)
    values.add("quickstart", OVERHEAD, "%", 100 * (wall - training) / wall)


def sweep(root: Path, cache: Path, overrides: Sequence[str]) -> tuple[float, float]:
    """Return the wall time of a sweep and the sum of its training times, in seconds."""
    paths = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={cache}"]
    options = [] if any(override.startswith("+experiments") for override in overrides) else ["-m"]
    wall = command_seconds(["train", *options, *overrides, *paths])
    results = [json.loads(path.read_text(encoding="utf-8")) for path in root.glob("runs/*/result.json")]
    if not results:
        raise CandidateError(f"the sweep completed no run in {root}")
    return wall, sum(result["train_seconds"] for result in results)


def _commands(suite: Suite, values: Values, runs: int, jobs: int, names: dict[str, str]) -> None:
    root = suite.work / "synthetic"
    print_progress(f"  commands on {runs:,} runs")
    build_runs(root, 0, runs)
    seeds = ",".join(map(str, range(jobs)))
    commands = {
        names["--help"]: ["--help"],
        names["plan"]: ["plan", f"seed={seeds}", f"paths.runs={root}/none", f"paths.store={root}"],
        names["runs"]: ["runs", "--runs", f"{root}/runs"],
    }
    for repeat in range(suite.pick(full=6, quick=4, smoke=2)):
        for name, arguments in commands.items():
            seconds = command_seconds(arguments)
            if repeat:  # the first repeat fills the file cache
                values.add(name, WALL_TIME, "s", seconds)


def command_seconds(arguments: Sequence[str]) -> float:
    """Return the seconds of a `sentiment-lab` command, from the start of its process to the end."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "sentiment_lab", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        shown = f"sentiment-lab {' '.join(arguments)}"
        raise CandidateError(f"{shown} ended with exit code {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - started
