"""Start many `sentiment-lab train` at once with one store that does not exist yet and one folder of runs.

First with different runs: every process must end with exit code 0, and the store must hold each run once, finished, in
its experiment, with every metric of every epoch. Then four processes start the same run: one trains it, the others end
with exit code 2 and name the process that trains it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.faults.command import STUDY, Workspace, finish
from benchmarks.faults.mlflow_db import MlflowDatabase
from benchmarks.faults.report import Scenario

_DATA = "data.reviews=600"
_GRU = ["model=gru", "model.units=[8]", "model.embedding_size=8", "training.epochs=3", _DATA]
_LINEAR = ["model=tfidf_logistic", _DATA]
_LONG = [*_GRU, "training.epochs=60", "training.batch_size=8"]
"""Long enough that the run is still being trained when the last process starts."""
SAME = 4
"""Processes that start the same run."""


def run(count: int, seed: int, root: Path) -> Scenario:
    """Start `count` processes with different runs, then SAME processes with one run."""
    description = f"{count} `train` at once into one new store, then {SAME} at once with one config"
    scenario = Scenario("processes", description)
    Workspace(root / "warm", _LINEAR, root / "cache").run()  # generates and tokenizes the reviews once
    _different_runs(scenario, count, seed, root)
    _same_run(scenario, root)
    return scenario


def _different_runs(scenario: Scenario, count: int, seed: int, root: Path) -> None:
    workspaces = [
        Workspace(root / "different", [*(_LINEAR if number % 2 else _GRU), f"seed={seed + number}"], root / "cache")
        for number in range(count)
    ]
    shared = workspaces[0]
    codes = [finish(process) for process in [workspace.start() for workspace in workspaces]]
    problems = [
        f"exit code {code}: {workspace.arguments}" for workspace, code in zip(workspaces, codes, strict=True) if code
    ]
    problems += MlflowDatabase(shared.database).mismatches(STUDY, shared.runs, sweeps=0)
    if len(shared.runs) != count:
        problems.append(f"{len(shared.runs)} folders")
    errors = {line for line in shared.log.splitlines() if " failed: " in line or "Traceback" in line}
    if errors:
        scenario.notes.append(f"{len(errors)} kinds of store errors were printed: {sorted(errors)[:2]}")
    scenario.add_result(f"{count} different runs", problems, count)


def _same_run(scenario: Scenario, root: Path) -> None:
    workspace = Workspace(root / "same", _LONG, root / "cache")
    processes = [workspace.start() for _ in range(SAME)]
    codes = sorted(finish(process) for process in processes)
    scenario.add_result(f"{SAME} times the same run", list(_exclusion_problems(workspace, processes, codes)), SAME)


def _exclusion_problems(
    workspace: Workspace, processes: Sequence[subprocess.Popen[str]], codes: Sequence[int]
) -> Iterator[str]:
    """Yield what shows that not exactly one process trained the run."""
    if codes != [0, *[2] * (SAME - 1)]:
        yield f"exit codes {codes}"
    trainer = next((process.pid for process in processes if process.returncode == 0), None)
    named = workspace.log.count(f"is being trained by process {trainer} on ")
    if named != SAME - 1:
        yield f"{named} of {SAME - 1} named process {trainer}: {workspace.log[-500:]}"
    starts = [event for run in workspace.runs for event in run.events() if event["event"] == "started"]
    if len(starts) != 1:
        yield f"{len(starts)} processes started training"
    yield from MlflowDatabase(workspace.database).mismatches(STUDY, workspace.runs, sweeps=0)
