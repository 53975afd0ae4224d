"""Kill sweeps (SIGKILL) again and again, give the same command each time, and compare with sweeps left alone.

A quarter of the kills at least falls within a checkpoint write (an unfinished file is left behind), a quarter within
the mirroring to MLflow (an open SQLite transaction is left behind, or an artifact has just appeared); the rest fall at
random moments from start to end. Every sweep has its own folder and store and is killed 4 to 8 times, then runs to its
end. A kill holds when the folders that it left are undamaged and their journals keep their lines, and when its sweep
ends equal to the one left alone: weights, predictions, epochs; no epoch trained again but the one under way; in
MLflow one run for each job below one parent, all finished, every metric once, one logged model each.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.faults.aims import Aim, aims, kill_at
from benchmarks.faults.command import STUDY, Place, finish
from benchmarks.faults.report import Part
from benchmarks.faults.sameness import differences
from benchmarks.faults.stored import Stored
from sentiment_lab.runs.integrity import find_damage

_SMALL = ["data.reviews=600", "model.units=[8]", "model.embedding_size=8", "training.epochs=3", "training.batch_size=8"]
_OFTEN = "launch.checkpoint_minutes=0.001"
_RANDOM = ["model.dropout=0.3", "model.embedding_dropout=0.2", "model.recurrent_dropout=0.1"]
SWEEPS = {
    "gru-lstm": ["-m", "model=gru,lstm", "seed=1,2", *_SMALL, _OFTEN],
    "bigru-bilstm": [
        *("-m", "model=bigru,bilstm", "seed=3,4", *_SMALL, *_RANDOM, _OFTEN),
        *("training.averaging=ema", "optimizer.schedule=cosine", "optimizer.warmup=0.2"),
    ],
    "linear": ["-m", "model=nb_svm,tfidf_logistic", "seed=1,2", "data.reviews=600"],
}
"""The sweeps by name. Linear baselines have no checkpoint."""
AIMED = 0.3
"""Share of the kills that is aimed at each of the two; a few miss."""
START = 6.0
"""Seconds until a sweep trains, about."""


@dataclass
class Whole:
    """A sweep that was left alone."""

    place: Place
    seconds: float


@dataclass
class Plan:
    """The kills that are still to come."""

    count: int
    random: Random
    needed: Counter[str] = field(default_factory=Counter)
    """How many of them must be of a kind."""
    made: Counter[str] = field(default_factory=Counter)
    """The kills so far by the name of their aim."""

    def choose(self, seconds: float, *, recurrent: bool) -> tuple[str, Aim]:
        """Draw the next aim for a sweep that takes so many seconds more."""
        needed = {kind: number for kind, number in self.needed.items() if recurrent or kind != "checkpoint"}
        free = max(0, self.count - self.needed.total())
        kinds = {**needed, "random": free or int(not sum(needed.values()))}
        (kind,) = self.random.choices(list(kinds), list(kinds.values()))
        return kind, self.random.choice(aims(seconds)[kind])

    def hear(self, kind: str, aim: Aim, *, within: bool) -> None:
        """Count a kill."""
        self.count -= 1
        self.made[aim.name if within else "at a random moment"] += 1
        if within and self.needed[kind]:
            self.needed[kind] -= 1


def run(count: int, seed: int, root: Path) -> Part:
    """Kill so many times, and judge."""
    part = Part("kills", "SIGKILL on a sweep, then the same command again")
    random = Random(seed)  # noqa: S311  # nothing secret
    share = math.ceil(count * AIMED)
    plan = Plan(count, random, Counter(checkpoint=share, mirror=share))
    wholes: dict[str, Whole] = {}
    number = 0
    while plan.count > 0:
        name = list(SWEEPS)[number % len(SWEEPS)]
        whole = wholes[name] = wholes.get(name) or _left_alone(name, root)
        place = Place(root / f"sweep{number}", SWEEPS[name], root / "cache")
        before = plan.count
        complaints = [*_kill(place, whole, plan), *_judge(place, whole)]
        part.record(f"sweep {number} ({name}, seed {seed})", complaints, before - plan.count)
        number += 1
    kinds = ", ".join(f"{times} {kind}" for kind, times in sorted(plan.made.items()))
    part.notes.append(f"{kinds}; {number} sweeps of 4 runs, seed {seed}; a sweep left alone takes {_seconds(wholes)}")
    return part


def _left_alone(name: str, root: Path) -> Whole:
    place = Place(root / f"whole-{name}", SWEEPS[name], root / "cache")
    started = time.monotonic()
    code = place.run()
    if code:
        raise RuntimeError(f"the sweep {name} left alone ended with {code}: {place.log}")
    seconds = time.monotonic() - started
    for problem in Stored(place.database).mismatches(STUDY, place.runs, sweeps=1):
        raise RuntimeError(f"the sweep {name} left alone: {problem}")
    return Whole(place, seconds)


def _kill(place: Place, whole: Whole, plan: Plan) -> Iterator[str]:
    """Kill a sweep as often as is its share; yield what is wrong with what a kill left."""
    share = min(plan.count, plan.random.randint(4, 8))
    recurrent = "linear" not in whole.place.root.name
    while share:
        left = 1 - sum(run.state == "complete" for run in place.runs) / len(whole.place.runs)
        kind, aim = plan.choose(START + left * (whole.seconds - START), recurrent=recurrent)
        lines = _journals(place)
        process = place.start()
        within = kill_at(aim, process, place.root, plan.random)
        if within is None:
            finish(process)
            return
        share -= 1
        plan.hear(kind, aim, within=within)
        print(f"  {place.root.name}: {aim.name}{'' if within else ' (missed)'}, {plan.count} to come", flush=True)
        yield from _left(place, lines, aim)


def _journals(place: Place) -> dict[Path, str]:
    return {run.journal.path: run.journal.read().text for run in place.runs}


def _left(place: Place, lines: Mapping[Path, str], aim: Aim) -> Iterator[str]:
    """Yield what looks damaged after a kill, or was lost by it."""
    for run in place.runs:
        yield from (f"killed {aim.name}: {problem}" for problem in find_damage(run))
        if not run.journal.read().text.startswith(lines.get(run.journal.path, "")):
            yield f"killed {aim.name}: {run.journal.path} lost lines"


def _judge(place: Place, whole: Whole) -> Iterator[str]:
    """Let a sweep run to its end and yield what is not as if it had been left alone."""
    code = place.run()
    if code:
        yield f"exit code {code}: {place.log[-500:]}"
        return
    yield from differences(place.runs, whole.place.runs)
    yield from Stored(place.database).mismatches(STUDY, place.runs, sweeps=1)
    if "Traceback" in place.log or "failed (" in place.log:
        yield f"it complained: {place.log[-500:]}"


def _seconds(wholes: Mapping[str, Whole]) -> str:
    return ", ".join(f"{whole.seconds:.0f} s ({name})" for name, whole in wholes.items())
