"""Give `train` configs that cannot be run; what is drawn and when a case holds stands in malformed.py."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.faults.malformed import check, malformed_command_lines
from benchmarks.faults.report import Part
from benchmarks.faults.words import Case
from sentiment_lab.config.compose import compose_config


def run(count: int, seed: int, root: Path) -> Part:
    """Try so many configs, and judge."""
    import sentiment_lab.cli.train  # noqa: F401  # the processes that are forked have it

    del root
    part = Part("configs", "`train` with a config that cannot be run")
    cases = malformed_command_lines(count, seed)
    compose_config()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        for case, message in zip(cases, pool.map(_checked, cases), strict=True):
            part.record(f"{case.defect}: {' '.join(map(repr, case.words))[:200]}", [message] if message else [])
    part.notes.append(f"{len(Counter(case.defect for case in cases))} kinds of mistakes, seed {seed}")
    return part


def _checked(case: Case) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        return check(case, Path(folder))
