"""Launchers: a sweep of small networks, one run after another and in worker processes.

GRU of the quickstart on the generated corpus, with MLflow, figures and logged models, timed as a command from start to
end. Inline a run has all threads; in the pool there is a worker for each core, with one thread.
"""

from __future__ import annotations

from benchmarks.overhead import sweep
from benchmarks.results import Measured, Values, at_least, ratio
from benchmarks.suite import Suite, say

TITLE = "Launchers"
INLINE, POOL = "launch=inline", "launch=pool"


def measure(suite: Suite) -> Measured:
    """Time the same sweep with both, in turns."""
    values = Values()
    runs, repeats = suite.pick(full=(24, 2), quick=(8, 1), smoke=(2, 1))
    words = ["+experiments=quickstart", "model=gru", "seed=" + ",".join(map(str, range(runs)))]
    for repeat in range(repeats):
        for launch in (INLINE, POOL):
            say(f"  {launch}, {runs} runs")
            root = suite.work / f"{launch.replace('=', '-')}-{repeat}"
            wall, _ = sweep(root, suite.work / "tiny", [*words, launch])
            values.add(launch, f"{runs} runs", "s", wall)
    inline, pool = (values.median(launch, f"{runs} runs", "s") for launch in (INLINE, POOL))
    found = ratio(pool, inline, higher_is_better=False)
    return values.measured({"pool vs inline": found}, [at_least("pool vs inline", found, 1.6, "times")])
