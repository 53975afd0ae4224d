"""Kill sweeps with SIGKILL repeatedly, rerun the same command each time, and compare with undisturbed sweeps.

At least a quarter of the kills fall within a checkpoint write (an unfinished file is left behind), and a quarter within
writing to MLflow (an open SQLite transaction is left behind, or an artifact has just appeared). The others fall at
random moments from start to end. Every sweep has its own folder and store; it is killed 4 to 8 times and then runs to
its end. A kill passes if the folders it left are undamaged and their journals keep all lines, and if its sweep ends
equal to the undisturbed one: the same weights, predictions and epochs; no epoch trained again except the one that was
interrupted; in MLflow one run per job below one parent, all finished, every metric once, one logged model each.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.faults.command import STUDY, Workspace, finish
from benchmarks.faults.equivalence import differences
from benchmarks.faults.kill_points import KillPoint, kill_at, kill_points
from benchmarks.faults.mlflow_db import MlflowDatabase
from benchmarks.faults.report import Scenario
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
"""Arguments of `train` by the name of the sweep. Linear baselines have no checkpoint."""
TARGETED_SHARE = 0.3
"""Share of the kills for each of the two targeted operations; a few of them miss."""
START_SECONDS = 6.0
"""Approximate time until a sweep trains."""


@dataclass
class Reference:
    """An undisturbed sweep."""

    workspace: Workspace
    seconds: float


@dataclass
class KillPlan:
    """The remaining kills."""

    count: int
    random: Random
    required: Counter[str] = field(default_factory=Counter)
    """How many of them must be of a kind."""
    done: Counter[str] = field(default_factory=Counter)
    """The kills so far, by the name of their kill point."""

    def choose(self, seconds: float, *, recurrent: bool) -> tuple[str, KillPoint]:
        """Draw the next kill point for a sweep whose remaining duration is `seconds`."""
        required = {kind: number for kind, number in self.required.items() if recurrent or kind != "checkpoint"}
        free = max(0, self.count - self.required.total())
        weights = {**required, "random": free or int(not sum(required.values()))}
        (kind,) = self.random.choices(list(weights), list(weights.values()))
        return kind, self.random.choice(kill_points(seconds)[kind])

    def count_kill(self, kind: str, point: KillPoint, *, hit: bool) -> None:
        """Count a kill, which did or did not hit the intended operation."""
        self.count -= 1
        self.done[point.name if hit else "at a random moment"] += 1
        if hit and self.required[kind]:
            self.required[kind] -= 1


def run(count: int, seed: int, root: Path) -> Scenario:
    """Kill sweeps `count` times and check what they left."""
    scenario = Scenario("kills", "SIGKILL on a sweep, then the same command again")
    random = Random(seed)  # noqa: S311  # nothing secret
    share = math.ceil(count * TARGETED_SHARE)
    plan = KillPlan(count, random, Counter(checkpoint=share, mirror=share))
    references: dict[str, Reference] = {}
    number = 0
    while plan.count > 0:
        name = list(SWEEPS)[number % len(SWEEPS)]
        reference = references[name] = references.get(name) or _run_undisturbed(name, root)
        workspace = Workspace(root / f"sweep{number}", SWEEPS[name], root / "cache")
        before = plan.count
        problems = [*_kill(workspace, reference, plan), *_finish_and_compare(workspace, reference)]
        scenario.add_result(f"sweep {number} ({name}, seed {seed})", problems, before - plan.count)
        number += 1
    kinds = ", ".join(f"{times} {kind}" for kind, times in sorted(plan.done.items()))
    scenario.notes.append(
        f"{kinds}; {number} sweeps of 4 runs, seed {seed}; duration of an undisturbed sweep: {_seconds(references)}"
    )
    return scenario


def _run_undisturbed(name: str, root: Path) -> Reference:
    workspace = Workspace(root / f"reference-{name}", SWEEPS[name], root / "cache")
    started = time.monotonic()
    code = workspace.run()
    if code:
        raise RuntimeError(f"the undisturbed sweep {name} ended with exit code {code}: {workspace.log}")
    seconds = time.monotonic() - started
    for problem in MlflowDatabase(workspace.database).mismatches(STUDY, workspace.runs, sweeps=1):
        raise RuntimeError(f"the undisturbed sweep {name}: {problem}")
    return Reference(workspace, seconds)


def _kill(workspace: Workspace, reference: Reference, plan: KillPlan) -> Iterator[str]:
    """Kill a sweep 4 to 8 times; yield the problems in what each kill left."""
    share = min(plan.count, plan.random.randint(4, 8))
    recurrent = "linear" not in reference.workspace.root.name
    while share:
        remaining = 1 - sum(run.state == "complete" for run in workspace.runs) / len(reference.workspace.runs)
        seconds = START_SECONDS + remaining * (reference.seconds - START_SECONDS)
        kind, point = plan.choose(seconds, recurrent=recurrent)
        journals = _journals(workspace)
        process = workspace.start()
        hit = kill_at(point, process, workspace.root, plan.random)
        if hit is None:
            finish(process)
            return
        share -= 1
        plan.count_kill(kind, point, hit=hit)
        missed = "" if hit else " (missed)"
        print(f"  {workspace.root.name}: {point.name}{missed}, {plan.count} kills remaining", flush=True)
        yield from _problems_after_kill(workspace, journals, point)


def _journals(workspace: Workspace) -> dict[Path, str]:
    return {run.journal.path: run.journal.read().text for run in workspace.runs}


def _problems_after_kill(workspace: Workspace, journals: Mapping[Path, str], point: KillPoint) -> Iterator[str]:
    """Yield the damage that a kill caused and the journals that lost lines."""
    for run in workspace.runs:
        yield from (f"killed {point.name}: {problem}" for problem in find_damage(run))
        if not run.journal.read().text.startswith(journals.get(run.journal.path, "")):
            yield f"killed {point.name}: {run.journal.path} lost lines"


def _finish_and_compare(workspace: Workspace, reference: Reference) -> Iterator[str]:
    """Run a sweep to its end and yield the differences from the undisturbed one."""
    code = workspace.run()
    if code:
        yield f"exit code {code}: {workspace.log[-500:]}"
        return
    yield from differences(workspace.runs, reference.workspace.runs)
    yield from MlflowDatabase(workspace.database).mismatches(STUDY, workspace.runs, sweeps=1)
    if "Traceback" in workspace.log or " failed: " in workspace.log:
        yield f"an error was printed: {workspace.log[-500:]}"


def _seconds(references: Mapping[str, Reference]) -> str:
    return ", ".join(f"{reference.seconds:.0f} s ({name})" for name, reference in references.items())
