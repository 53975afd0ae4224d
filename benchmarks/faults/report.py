"""The results of the fault scenarios, and the table that shows them."""

from __future__ import annotations

import os
import platform
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).parents[1] / "FAULTS.md"
MAX_LENGTH = 300
"""Characters shown of a failure."""
WIDTH = 120


@dataclass
class Scenario:
    """One fault scenario: what it does, how many cases it ran, and which of them failed."""

    name: str
    description: str
    count: int = 0
    passed: int = 0
    failures: list[str] = field(default_factory=list)
    """One line per problem."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add_result(self, name: str, problems: Sequence[str], count: int = 1) -> None:
        """Add `count` cases, which passed if there are no problems."""
        self.count += count
        self.passed += 0 if problems else count
        self.failures += [f"{name}: {problem}" for problem in problems]
        for problem in problems:
            print(f"  {name}: {problem}", flush=True)


def write_report(scenarios: Sequence[Scenario], file: Path = FILE) -> None:
    """Write the table, the notes and every failure."""
    file.write_text("\n".join(_lines(scenarios)) + "\n", encoding="utf-8")


def _lines(scenarios: Sequence[Scenario]) -> list[str]:
    minutes = sum(scenario.seconds for scenario in scenarios) / 60
    rows = [
        f"| {scenario.description} | {scenario.count} | {scenario.passed} | {scenario.seconds / 60:.1f} |"
        for scenario in scenarios
    ]
    notes = [f"{scenario.name}: {note}" for scenario in scenarios for note in scenario.notes]
    failures = [f"{scenario.name}: {failure}" for scenario in scenarios for failure in scenario.failures]
    return [
        "# Fault injection",
        "",
        *textwrap.wrap(
            f"`python -m benchmarks.faults` (or `make bench-faults`), {date.today():%d %B %Y}, {machine()}; "
            f"{minutes:.0f} minutes. The docstring of each module in [faults/](faults/) describes what the scenario "
            "does and when a case passes. `python -m benchmarks.faults SCENARIO --count N` runs one scenario and "
            "leaves this file unchanged.",
            WIDTH,
        ),
        "",
        "| scenario | cases | passed | minutes |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
        *[line for note in notes for line in _bullet(note)],
        "",
        "## Failures",
        "",
        *([line for failure in failures for line in _bullet(_shorten(failure))] or ["None."]),
    ]


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False)


def machine() -> str:
    """Describe the machine and the package versions."""
    names = ("mlflow", "keras", "tensorflow")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}"


def _shorten(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= MAX_LENGTH else f"{one_line[:MAX_LENGTH]}..."


def run_scenario(name: str, count: int, seed: int, root: Path) -> Scenario:
    """Run the scenario of the module with this name in an empty folder, and measure its duration."""
    root.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    scenario: Scenario = import_module(f"benchmarks.faults.{name}").run(count, seed, root)
    scenario.seconds = time.monotonic() - started
    return scenario
