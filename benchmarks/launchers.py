"""Launchers: a sweep of small networks, one run after another and in worker processes.

The quickstart's GRU on the generated corpus, as it is and with 8 units, with MLflow, figures and logged models, timed
as a command from start to end. Inline a run has all threads; in the pool there is a worker for each core, with one
thread. What the pool gains is what a run cannot do with more than one thread: the smaller the network, the more.
"""

from __future__ import annotations

from benchmarks.overhead import sweep
from benchmarks.results import Measured, Values, at_least, ratio
from benchmarks.suite import Suite, say

TITLE = "Launchers"
INLINE, POOL = "launch=inline", "launch=pool"
WORDS = ("+experiments=quickstart", "model=gru")
SMALL = "8 units"
NETWORKS = {SMALL: ["model.units=[8]"], "64 units": []}


def measure(suite: Suite) -> Measured:
    """Time the same sweeps with both, in turns."""
    values, ratios = Values(), {}
    runs, repeats = suite.pick(full=(24, 1), quick=(6, 1), smoke=(2, 1))
    for network, words in suite.pick(full=NETWORKS, quick={SMALL: NETWORKS[SMALL]}, smoke=NETWORKS).items():
        for repeat in range(repeats):
            for launch in (INLINE, POOL):
                say(f"  {launch}, {runs} runs, {network}")
                root = suite.work / f"{network} {launch} {repeat}".replace(" ", "-").replace("=", "-")
                seeds = "seed=" + ",".join(map(str, range(runs)))
                wall, _ = sweep(root, suite.work / "tiny", [*WORDS, *words, seeds, launch])
                values.add(launch, f"{runs} runs, {network}", "s", wall)
        inline, pool = (values.median(launch, f"{runs} runs, {network}", "s") for launch in (INLINE, POOL))
        ratios[f"pool vs inline, {network}"] = ratio(pool, inline, higher_is_better=False)
    small = f"pool vs inline, {SMALL}"
    return values.measured(ratios, [at_least(small, ratios[small], 1.6, "times")])
