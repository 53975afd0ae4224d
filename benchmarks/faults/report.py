"""What the parts found, as one table."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).parents[1] / "FAULTS.md"
SHOWN = 300
"""Characters of a failure."""


@dataclass
class Part:
    """What one part did, how often, and what did not hold."""

    name: str
    what: str
    count: int = 0
    held: int = 0
    failures: list[str] = field(default_factory=list)
    """One line for each thing that did not hold."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def record(self, name: str, complaints: Sequence[str], count: int = 1) -> None:
        """Count something that was done, which held where there are no complaints."""
        self.count += count
        self.held += 0 if complaints else count
        self.failures += [f"{name}: {message}" for message in complaints]
        for message in complaints:
            print(f"  {name}: {message}", flush=True)


def write_report(parts: Sequence[Part], file: Path = FILE) -> None:
    """Write the table, the notes and every failure by name."""
    file.write_text("\n".join(_lines(parts)) + "\n", encoding="utf-8")


def _lines(parts: Sequence[Part]) -> list[str]:
    minutes = sum(part.seconds for part in parts) / 60
    rows = [f"| {part.what} | {part.count} | {part.held} | {part.seconds / 60:.1f} |" for part in parts]
    return [
        "# What happens when things break",
        "",
        f"`python -m benchmarks.faults` (or `make bench-faults`), {date.today():%d %B %Y}, {machine()};",
        f"{minutes:.0f} minutes. What each part does, and by what it judges, stands at the head of its module in",
        "[faults/](faults/). `python -m benchmarks.faults PART --count N` runs one part and leaves this file as it is.",
        "",
        "| what was done | how often | held | minutes |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
        *[f"- {part.name}: {note}" for part in parts for note in part.notes],
        "",
        "## Failures",
        "",
        *([f"- {part.name}: {_short(failure)}" for part in parts for failure in part.failures] or ["None."]),
    ]


def machine() -> str:
    """Return what it ran on."""
    names = ("mlflow", "keras", "tensorflow")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}"


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= SHOWN else f"{one_line[:SHOWN]}..."


def run_part(name: str, count: int, seed: int, root: Path) -> Part:
    """Run the part that the module of this name is, in an empty folder, and take its time."""
    root.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    part: Part = import_module(f"benchmarks.faults.{name}").run(count, seed, root)
    part.seconds = time.monotonic() - started
    return part
