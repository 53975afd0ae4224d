"""Growth: time and memory of each stage against reviews, length and units.

Generated text by Zipf's law over 50,000 words; lengths are in tokens. One size varies, the others stay at 10,000
reviews of 200 tokens (steps and prediction: a part of them) and 64 units of an LSTM. Memory is what a stage takes
beyond its input, by the largest resident memory of a process of its own. Exponents are those of a x^b, least squares
on logarithms: 1 is linear, and a fixed cost makes them smaller. A training step is the mean of several; its time
grows with length and units alone. The last target is the largest memory of `sentiment-lab train data=imdb
split=official training.epochs=1` as a whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from benchmarks.protocol import ROOT, CandidateError, Child
from benchmarks.results import Measured, Values, at_most, exponent
from benchmarks.reviews import MissingDataError
from benchmarks.suite import Suite, print_message

TITLE = "Growth"
MEGA = 2**20
STAGES = ("tokens", "vocabulary and encoding", "training step", "prediction")
NETWORKS = ("training step", "prediction")
LINEAR, MEMORY_GIB = 1.1, 2.5
MEMORY_FROM, MEMORY_POINTS = 16, 3
"""MiB below which what a process has to spare hides what a stage takes, and how many points a fit of memory needs."""


def measure(suite: Suite) -> Measured:
    """Measure each stage over each size that it depends on, then a whole run."""
    values, exponents = Values(), {}
    for stage in STAGES:
        print_message(f"  {stage}")
        for size, points in _grid(suite, stage).items():
            measured = [_point(suite, stage, {**_base(suite, stage), size: point}) for point in points]
            _add(values, stage, size, points, measured)
            exponents |= _exponents(stage, size, points, measured)
    peak, note = _whole_run(suite)
    if peak is not None:
        values.add("one epoch of the official split", "largest memory of the process", "GiB", peak)
    targets = [at_most(name, value, LINEAR) for name, value in exponents.items() if "units" not in name]
    targets += [at_most("memory of a run on the IMDB reviews", peak, MEMORY_GIB, "GiB")] if suite.size == "full" else []
    notes = [f"exponent of {name}: {value:.2f}" for name, value in exponents.items()] + ([note] if note else [])
    return values.measured({}, targets, notes, exponents=exponents)


def _grid(suite: Suite, stage: str) -> dict[str, Sequence[int]]:
    """Return the sizes that vary and their points."""
    reviews = suite.pick(full=(1_000, 3_000, 10_000, 30_000, 100_000), quick=(1_000, 10_000), smoke=(100, 200))
    lengths = suite.pick(full=(50, 100, 200, 400, 800), quick=(50, 400), smoke=(20, 40))
    units = suite.pick(full=(8, 32, 128, 256), quick=(16, 128), smoke=(4, 8))
    if stage == "prediction":
        reviews = suite.pick(full=(1_000, 3_000, 10_000), quick=(500, 2_000), smoke=(100, 200))
    if suite.size == "quick":
        return {"length": lengths}
    sizes = {"length": lengths} if stage == "training step" else {"reviews": reviews, "length": lengths}
    return {**sizes, "units": units} if stage in NETWORKS else sizes


def _base(suite: Suite, stage: str) -> dict[str, int]:
    few = stage in NETWORKS
    reviews = suite.pick(full=2_000 if few else 10_000, quick=1_000, smoke=100)
    steps = suite.pick(full=15, quick=8, smoke=1)
    return {"reviews": reviews, "length": suite.pick(full=200, quick=100, smoke=20), "units": 64, "steps": steps}


def _point(suite: Suite, stage: str, sizes: Mapping[str, int]) -> dict[str, float]:
    """Return seconds and MiB of a stage in a process of its own."""
    with Child("benchmarks.ours.stage", {"stage": stage, "threads": suite.threads, **sizes}) as child:
        first = child.ask()
        # The second time is the one counted: the first also fetches memory from the system.
        again = child.ask() if first["seconds"] < suite.pick(full=4, quick=1, smoke=1) else first
    seconds = min(first["seconds"], again["seconds"])
    if stage == "training step":
        seconds /= min(sizes["steps"], -(-sizes["reviews"] // 64))
    return {"seconds": seconds, "memory": first["more_bytes"] / MEGA}


def _add(values: Values, stage: str, size: str, points: Sequence[int], measured: Sequence[Mapping[str, float]]) -> None:
    for point, answer in zip(points, measured, strict=True):
        values.add(f"{stage}, {size} {point:,}", "time", "ms", 1000 * answer["seconds"])
        values.add(f"{stage}, {size} {point:,}", "memory", "MiB", answer["memory"])


def _exponents(
    stage: str, size: str, points: Sequence[int], measured: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """Return the exponents of time and of memory, the latter where three points are of a size that means something."""
    found = {f"time of {stage} in {size}": exponent(points, [answer["seconds"] for answer in measured])}
    large = [(point, answer["memory"]) for point, answer in zip(points, measured, strict=True)]
    large = [(point, memory) for point, memory in large if memory >= MEMORY_FROM]
    if len(large) >= MEMORY_POINTS:
        found[f"memory of {stage} in {size}"] = exponent(*zip(*large, strict=True))
    return found


def _whole_run(suite: Suite) -> tuple[float | None, str]:
    """Return the largest memory in GiB of a run on the official split, or why there is none."""
    if suite.size != "full":
        return None, "The run on the IMDB reviews is part of the full size alone."
    try:
        source = suite.reviews.source
    except MissingDataError as error:
        return None, f"The run on the IMDB reviews was left out: {error}"
    places = [f"paths.{name}={suite.work / 'whole' / name}" for name in ("runs", "store", "cache")]
    words = ["data=imdb", f"data.path={source}", "split=official", "training.epochs=1", "tracking=none"]
    command = [sys.executable, "-m", "sentiment_lab", "train", *words, *places, "launch.progress=none"]
    return peak_gib(command), ""


def peak_gib(command: Sequence[str]) -> float:
    """Run a command to its end and return its largest resident memory."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CandidateError(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**30
