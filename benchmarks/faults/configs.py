"""Run `train` with invalid configs; malformed.py describes how they are drawn and when a case passes."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.faults.invalid_overrides import Case
from benchmarks.faults.malformed import find_problem, malformed_command_lines
from benchmarks.faults.report import Scenario
from sentiment_lab.config.compose import compose_config


def run(count: int, seed: int, root: Path) -> Scenario:
    """Run `count` invalid configs."""
    import sentiment_lab.cli.train  # noqa: F401  # imported before the fork

    del root
    scenario = Scenario("configs", "`train` with an invalid config")
    cases = malformed_command_lines(count, seed)
    compose_config()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        for case, problem in zip(cases, pool.map(_run_case, cases), strict=True):
            name = f"{case.defect}: {' '.join(map(repr, case.arguments))[:200]}"
            scenario.add_result(name, [problem] if problem else [])
    scenario.notes.append(f"{len(Counter(case.defect for case in cases))} kinds of mistakes, seed {seed}")
    return scenario


def _run_case(case: Case) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        return find_problem(case, Path(folder))
