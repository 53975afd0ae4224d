"""Measure `sentiment-lab compare` on folders of up to 10,000 runs, beside the script that a user would write instead.

    python -m benchmarks.compare [--runs 1000 3000 10000] [--reviews 5000] [--repeats 3] [--output FILE]

The runs were never trained: benchmarks/synthetic.py writes their folders, 25 runs per study, each with predictions for
the given number of test reviews. Commands are timed as processes from start to end, with the folders in the file cache.
The peer is a script of twenty lines: glob, json, pandas, groupby; it does not test pairs, read predictions or check for
damage.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.synthetic import with_seed, write_run
from sentiment_lab.config.compose import compose_config

VARIANTS, SEEDS = 5, 5
REVIEWS = 5_000
CHUNK = 1_000
"""Runs that a process builds per task."""
PEER = """
import glob, json, sys
import pandas as pd

rows = []
for path in glob.glob(sys.argv[1] + "/*/result.json"):
    folder = path.rsplit("/", 1)[0]
    result, config = json.load(open(path)), json.load(open(folder + "/config.json"))
    study = json.loads(open(folder + "/journal.jsonl").readline())["study"]
    rows.append({"study": study, "variant": json.dumps(config["model"]), "accuracy": result["test"]["accuracy"]})
table = pd.DataFrame(rows)
table = table[table.study == sys.argv[2]] if len(sys.argv) > 2 else table
print(table.groupby("variant").accuracy.agg(["mean", "std", "count"]).sort_values("mean"))
"""


def main() -> None:
    """Build the folders, time the commands in turns, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--reviews", type=int, default=REVIEWS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", default="benchmarks/COMPARE.md")
    parser.add_argument("--keep", metavar="DIR", help="work in DIR and keep it; existing runs are reused")
    options = parser.parse_args()
    with ExitStack() as stack:
        root = options.keep or stack.enter_context(tempfile.TemporaryDirectory())
        measured = []
        built = sum(1 for _ in Path(root).glob("runs/*"))
        for count in sorted(options.runs):
            if built > count:
                parser.error(f"--keep must name a folder with at most {count} runs, got {built} in {root}")
            build_runs(Path(root), built, count, options.reviews)
            built = count
            measured.append((count, _measure(Path(root), options.repeats)))
            print(count, {name: f"{seconds:.2f} s" for name, seconds in measured[-1][1].items()}, flush=True)
    Path(options.output).write_text(_report(measured, options), encoding="utf-8")


def build_runs(root: Path, start: int, count: int, reviews: int = REVIEWS) -> None:
    """Add runs up to `count`, each with predictions for `reviews` test reviews."""
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [
            pool.submit(_build, root, first, min(first + CHUNK, count), reviews) for first in range(start, count, CHUNK)
        ]
        for future in futures:
            future.result()


def _build(root: Path, start: int, end: int, reviews: int) -> None:
    random = np.random.default_rng(start)
    labels = np.arange(reviews, dtype=np.int8) % 2
    configs = {}
    with patch("os.fsync"):  # thousands of folders that need not survive a crash
        for number in range(start, end):
            study, index = divmod(number, VARIANTS * SEEDS)
            variant, seed = divmod(index, SEEDS)
            # A different number of epochs makes the runs of each study different; each variant is composed once.
            overrides = (f"model.units=[{8 + variant}]", f"training.epochs={study + 1}", f"study.name=study {study}")
            if overrides not in configs:
                configs = {overrides: compose_config([*overrides, f"paths.runs={root}/runs", f"paths.store={root}"])}
            correct = random.random(reviews) < 0.86 + 0.01 * variant
            write_run(with_seed(configs[overrides], seed), np.where(correct == (labels == 1), 0.8, 0.3), labels)


def _measure(root: Path, repeats: int) -> dict[str, float]:
    """Return the median seconds of each command."""
    folders = ["--runs", f"{root}/runs", "--store", str(root)]
    ours = [sys.executable, "-m", "sentiment_lab"]
    commands = {
        "compare, one study of 25": [*ours, "compare", "--study", "study 7", *folders],
        "script, one study of 25": [sys.executable, "-c", PEER, f"{root}/runs", "study 7"],
        "script, all runs": [sys.executable, "-c", PEER, f"{root}/runs"],
        "runs": [*ours, "runs", "--runs", f"{root}/runs"],
        "show one run": [*ours, "show", next((root / "runs").iterdir()).name, "--runs", f"{root}/runs"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for repeat in range(repeats + 1):
        for name, command in commands.items():
            duration = _duration(command)
            if repeat:  # the first repeat fills the file cache
                seconds[name].append(duration)
    return {name: statistics.median(durations) for name, durations in seconds.items()}


def _duration(command: Sequence[str]) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started


def _report(measured: Sequence[tuple[int, dict[str, float]]], options: argparse.Namespace) -> str:
    names = list(measured[0][1])
    command = f"python -m benchmarks.compare --runs {' '.join(map(str, options.runs))} --reviews {options.reviews}"
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Comparing many runs",
        "",
        *textwrap.wrap(
            f"Generated by `{command}`. Seconds from start to end of the process, median of {options.repeats} repeats; "
            f"{machine}. The docstring of [compare.py](compare.py) describes what is measured.",
            120,
        ),
        "",
        f"| command | {' | '.join(f'{count:,} runs' for count, _ in measured)} | grows as |",
        f"| --- |{' ---: |' * (len(measured) + 1)}",
    ]
    for name in names:
        seconds = [medians[name] for _, medians in measured]
        shown = " | ".join(f"{value:.2f}" for value in seconds)
        lines.append(f"| {name} | {shown} | {_growth([count for count, _ in measured], seconds)} |")
    largest = measured[-1][1]
    ratio = largest["compare, one study of 25"] / largest["script, one study of 25"]
    lines += ["", f"At {measured[-1][0]:,} runs `compare` takes {ratio:.2f} times as long as the script."]
    return "\n".join(lines) + "\n"


def _growth(counts: Sequence[int], seconds: Sequence[float]) -> str:
    """Return the exponent of the growth beyond the time for the smallest folder; 1 is linear."""
    if len(counts) < 3 or seconds[-1] <= seconds[1] or seconds[1] <= seconds[0]:
        return ""
    increase = (seconds[2] - seconds[0]) / (seconds[1] - seconds[0])
    return f"runs^{math.log(increase) / math.log((counts[2] - counts[0]) / (counts[1] - counts[0])):.2f}"


if __name__ == "__main__":
    main()
