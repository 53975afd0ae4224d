"""RESULTS.md, generated only from RESULTS.json and the docstrings of the measures."""

from __future__ import annotations

import re
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.results import relative_range

WIDTH = 120
_NAME = re.compile(r"(.+) / (.+) \((.+)\)")


def page(results: Mapping[str, Any], about: Mapping[str, tuple[str, str]]) -> str:
    """Return the page; `about` has the title and the docstring of each measure, in order."""
    introduction = (
        "`make bench` generates this page from [RESULTS.json](RESULTS.json), which contains every value. A cell is the "
        "median, followed by the range (largest minus smallest value) as a share of the median. A ratio is the factor "
        "by which sentiment_lab (ours) is better. Missed targets are marked."
    )
    lines = ["# Benchmark results", "", *textwrap.wrap(introduction, WIDTH), ""]
    lines += [
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
    peak = f"float32 matrix product in NumPy: {machine['gemm_peak_gflops']:.0f} GFLOP/s"
    processor = f"{machine['cpu']}, {machine['cores']} cores ({sets}), {machine['memory_gib']} GiB memory; {peak}."
    return [*textwrap.wrap(f"{processor} {machine['system']}; {packages}.", WIDTH, break_on_hyphens=False), ""]


def _targets(results: Mapping[str, Any], about: Mapping[str, tuple[str, str]]) -> list[str]:
    lines = ["| measure | quantity | target | measured | |", "| --- | --- | ---: | ---: | --- |"]
    for name, (title, _) in about.items():
        for target in results.get(name, {}).get("targets", ()):
            unit = f" {target['unit']}" if target["unit"] else ""
            value = "not measured" if target["value"] is None else f"{number(target['value'])}{unit}"
            verdict = "met" if target["met"] else "**missed**" if target["value"] is not None else "**not measured**"
            rule = f"{target['rule']} {number(target['limit'])}{unit}"
            lines.append(f"| {title} | {target['name']} | {rule} | {value} | {verdict} |")
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
        lines += ["", *(line for note in measure["notes"] for line in _bullet(note))]
    return lines


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="- ", subsequent_indent="  ")


def _table(raw: Mapping[str, Sequence[float]], unit: str) -> list[str]:
    cells = {_parts(name)[:2]: _cell(values) for name, values in raw.items() if _parts(name)[2] == unit}
    rows, columns = (list(dict.fromkeys(key[position] for key in cells)) for position in (0, 1))
    lines = [f"| {unit} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    return lines + [f"| {row} | {' | '.join(cells.get((row, column), '') for column in columns)} |" for row in rows]


def _cell(values: Sequence[float]) -> str:
    return number(statistics.median(values)) + (f" ({relative_range(values):.0%})" if len(values) > 1 else "")


def _parts(name: str) -> tuple[str, str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"the name of a value must be 'row / column (unit)', got {name!r}")
    return match[1], match[2], match[3]


def number(value: float) -> str:
    """Format a number with three significant digits, from 1,000 on as an integer with separators."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
