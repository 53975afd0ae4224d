"""Overhead: what a run costs beyond its training, and how long the commands take that train nothing.

A sweep of tiny runs on generated text, with MLflow, figures and the logged model, is timed as a process with few and
with more seeds; the difference, without the training seconds that the runs report, is divided by the seeds that
joined. So the start of the process and of the store stands aside. The quickstart's sweep is timed whole, start and
store included; its share is (wall - training) / wall. `runs` reads folders of runs that were never trained
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
from benchmarks.suite import Suite, print_message

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
WALL = "one run of a sweep, beyond its training"


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
        at_most("a run of a sweep beyond its training", values.median(WALL, "each", "s"), 2, "s"),
        at_most(names["--help"], values.median(names["--help"], "from start to end", "s"), 0.7, "s"),
        at_most(names["plan"], values.median(names["plan"], "from start to end", "s"), 3, "s"),
        at_most(names["runs"], values.median(names["runs"], "from start to end", "s"), 1, "s"),
    ]
    notes = []
    if suite.size == "full":
        share = values.median("quickstart", "beyond training", "%")
        targets.insert(1, at_most("share of the quickstart's sweep", share, 5, "%"))
    else:
        notes.append("The quickstart's sweep is part of the full size alone.")
    return values.measured({}, targets, notes)


def _sweeps(suite: Suite, values: Values) -> None:
    few, many, repeats = suite.pick(full=(2, 12, 1), quick=(1, 4, 1), smoke=(1, 2, 1))
    for repeat in range(repeats):
        print_message(f"  sweeps of {few} and {many} runs")
        beyond = []
        for seeds in (few, many):
            words = [*TINY, "seed=" + ",".join(map(str, range(seeds)))]
            wall, trained = sweep(suite.work / f"sweep-{repeat}-{seeds}", suite.work / "tiny", words)
            beyond.append(wall - trained)
        values.add(WALL, "each", "s", (beyond[1] - beyond[0]) / (many - few))


def _quickstart(suite: Suite, values: Values) -> None:
    print_message("  the quickstart's sweep")
    wall, trained = sweep(suite.work / "quickstart", suite.work / "tiny", ["+experiments=quickstart"])
    values.add("quickstart", "wall", "s", wall)
    values.add("quickstart", "training", "s", trained)
    values.add("quickstart", "beyond training", "%", 100 * (wall - trained) / wall)


def sweep(root: Path, cache: Path, words: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of a sweep and those of its trainings."""
    places = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={cache}"]
    options = [] if any(word.startswith("+experiments") for word in words) else ["-m"]
    wall = timed(["train", *options, *words, *places])
    results = [json.loads(path.read_text(encoding="utf-8")) for path in root.glob("runs/*/result.json")]
    if not results:
        raise CandidateError(f"the sweep left no run in {root}")
    return wall, sum(result["train_seconds"] for result in results)


def _commands(suite: Suite, values: Values, runs: int, jobs: int, names: dict[str, str]) -> None:
    root = suite.work / "synthetic"
    print_message(f"  commands, on {runs:,} runs")
    build_runs(root, 0, runs)
    seeds = ",".join(map(str, range(jobs)))
    commands = {
        names["--help"]: ["--help"],
        names["plan"]: ["plan", f"seed={seeds}", f"paths.runs={root}/none", f"paths.store={root}"],
        names["runs"]: ["runs", "--runs", f"{root}/runs"],
    }
    for repeat in range(suite.pick(full=6, quick=4, smoke=2)):
        for name, words in commands.items():
            seconds = timed(words)
            if repeat:  # the first turn fills the file cache
                values.add(name, "from start to end", "s", seconds)


def timed(words: Sequence[str]) -> float:
    """Return the seconds of a `sentiment-lab` command as a process."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "sentiment_lab", *words]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise CandidateError(f"sentiment-lab {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - started
