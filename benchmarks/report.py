"""RESULTS.md, written from RESULTS.json alone."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.results import spread

_NAME = re.compile(r"(.+) / (.+) \((.+)\)")


def page(results: Mapping[str, Any], about: Mapping[str, tuple[str, str]]) -> str:
    """Return the page; `about` has the title of each measure, in order, and what it says of itself."""
    lines = ["# Measured", ""]
    lines += [
        "`make bench` writes this page from [RESULTS.json](RESULTS.json), which holds every single value. A cell is",
        "the median, and behind it the distance from the smallest to the largest value as a share of the median.",
        "Ratios say how many times better ours is; a missed target is shown as missed.",
        "",
        *_machine(results.get("machine", {})),
        "## Targets",
        "",
        *_targets(results, about),
    ]
    for name, (title, text) in about.items():
        if name in results:
            lines += ["", f"## {title}", "", *_section(results[name], text)]
    return "\n".join(lines).rstrip() + "\n"


def _machine(machine: Mapping[str, Any]) -> list[str]:
    if not machine:
        return []
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    sets = ", ".join(machine["instruction_sets"]) or "unknown"
    peak = f"NumPy multiplies large float32 matrices at {machine['gemm_peak_gflops']:.0f} GFLOP/s"
    return [
        f"{machine['cpu']}, {machine['cores']} cores ({sets}), {machine['memory_gib']} GiB memory; {peak}.",
        f"{machine['system']}; {packages}.",
        "",
    ]


def _targets(results: Mapping[str, Any], about: Mapping[str, tuple[str, str]]) -> list[str]:
    lines = ["| measure | what | target | measured | |", "| --- | --- | ---: | ---: | --- |"]
    for name, (title, _) in about.items():
        for target in results.get(name, {}).get("targets", ()):
            unit = f" {target['unit']}" if target["unit"] else ""
            found = "not measured" if target["value"] is None else f"{number(target['value'])}{unit}"
            verdict = "met" if target["met"] else "**missed**" if target["value"] is not None else "**not measured**"
            rule = f"{target['rule']} {number(target['limit'])}{unit}"
            lines.append(f"| {title} | {target['name']} | {rule} | {found} | {verdict} |")
    return lines


def _section(measure: Mapping[str, Any], text: str) -> list[str]:
    size = "" if measure.get("size") == "full" else f", {measure.get('size')} size"
    lines = [*text.strip().splitlines(), "", f"Measured {measure.get('measured', 'at an unknown time')}{size}."]
    for unit in dict.fromkeys(_parts(name)[2] for name in measure["raw"]):
        lines += ["", *_table(measure["raw"], unit)]
    if measure["ratios"]:
        lines += ["", "| ratio | value |", "| --- | ---: |"]
        lines += [
            f"| {name} | {'-' if value is None else number(value)} |" for name, value in measure["ratios"].items()
        ]
    if measure["notes"]:
        lines += ["", *(f"- {note}" for note in measure["notes"])]
    return lines


def _table(raw: Mapping[str, Sequence[float]], unit: str) -> list[str]:
    cells = {_parts(name)[:2]: _cell(values) for name, values in raw.items() if _parts(name)[2] == unit}
    rows, columns = (list(dict.fromkeys(key[place] for key in cells)) for place in (0, 1))
    lines = [f"| {unit} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    return lines + [f"| {row} | {' | '.join(cells.get((row, column), '') for column in columns)} |" for row in rows]


def _cell(values: Sequence[float]) -> str:
    return number(statistics.median(values)) + (f" ({spread(values):.0%})" if len(values) > 1 else "")


def _parts(name: str) -> tuple[str, str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"a value must be named 'row / column (unit)', got {name!r}")
    return found[1], found[2], found[3]


def number(value: float) -> str:
    """Return three digits, or a whole number with separators from 1,000 on."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
