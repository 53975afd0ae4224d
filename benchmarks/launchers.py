"""Launchers: a sweep of small networks, one run after another and in worker processes.

The sweep is the quickstart's GRU on the generated corpus, unchanged and with 8 units, with MLflow, figures and logged
models. It is timed as a command from start to end. Inline, a run has all threads; in the pool, there is one worker per
core with one thread each. A pool cannot gain more than independent processes gain by running at the same time. That
gain is also measured; it is below 2 where the two cores are hardware threads of one core.
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.overhead import sweep
from benchmarks.results import Measured, Values, at_least, ratio
from benchmarks.suite import Suite, print_progress

TITLE = "Launchers"
INLINE, POOL = "launch=inline", "launch=pool"
OVERRIDES = ("+experiments=quickstart", "model=gru")
SMALL = "8 units"
NETWORKS = {SMALL: ["model.units=[8]"], "64 units": []}
PROGRAMS = {
    "a loop in Python": "s = 0\nfor i in range(40_000_000): s += i * i",
    "products of matrices, one thread": (
        "import os; os.environ['OPENBLAS_NUM_THREADS'] = '1'\n"
        "import numpy as np; a = np.ones((1200, 1200), 'f4')\nfor _ in range(80): a @ a"
    ),
}
"""Programs of which one per core runs at the same time, to measure the possible gain of this machine."""


def measure(suite: Suite) -> Measured:
    """Time the same sweeps with both launchers, in turns."""
    values, ratios = Values(), {}
    runs, repeats = suite.pick(full=(24, 1), quick=(6, 1), smoke=(2, 1))
    for network, overrides in suite.pick(full=NETWORKS, quick={SMALL: NETWORKS[SMALL]}, smoke=NETWORKS).items():
        for repeat in range(repeats):
            for launch in (INLINE, POOL):
                print_progress(f"  {launch}, {runs} runs, {network}")
                root = suite.work / f"{network} {launch} {repeat}".replace(" ", "-").replace("=", "-")
                seeds = "seed=" + ",".join(map(str, range(runs)))
                wall, _ = sweep(root, suite.work / "tiny", [*OVERRIDES, *overrides, seeds, launch])
                values.add(launch, f"{runs} runs, {network}", "s", wall)
        inline, pool = (values.median(launch, f"{runs} runs, {network}", "s") for launch in (INLINE, POOL))
        ratios[f"pool vs inline, {network}"] = ratio(pool, inline, higher_is_better=False)
    for name, code in PROGRAMS.items():
        for _ in range(suite.pick(full=3, quick=1, smoke=1)):
            gain = suite.threads * _seconds(code, 1) / _seconds(code, suite.threads)
            values.add("independent processes", name, "times the sequential speed", gain)
    small = f"pool vs inline, {SMALL}"
    return values.measured(ratios, [at_least(small, ratios[small], 1.6, "times")])


def _seconds(code: str, processes: int) -> float:
    """Return the seconds in which `processes` copies of a program run at the same time."""
    started = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(processes)]
    for process in running:
        process.wait()
    return time.perf_counter() - started
