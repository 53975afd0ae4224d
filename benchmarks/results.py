"""The result of a measure, the file that stores it, and the comparison of ratios.

A measure returns a plain dictionary: `raw` (name -> all values), `medians` (name -> number), `ratios` (name -> number,
higher is better for us), `targets`, `notes`, `measured` (time), `size`. The name of a value is `row / column (unit)`.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

Measured = dict[str, Any]

RENAMED = {"machine_share": "flops_utilization"}
"""Measures by the name they have in older results files."""

MAX_DROP = 0.15
"""A ratio that is lower than the stored one by more than this share is a regression."""


class Values:
    """Collects the repeated values of a measure."""

    def __init__(self) -> None:
        self.raw: dict[str, list[float]] = {}

    def add(self, row: str, column: str, unit: str, value: float) -> None:
        """Add one value."""
        self.raw.setdefault(f"{row} / {column} ({unit})", []).append(float(value))

    def median(self, row: str, column: str, unit: str) -> float | None:
        """Return the median of the added values, None if there are none."""
        values = self.raw.get(f"{row} / {column} ({unit})")
        return statistics.median(values) if values else None

    def measured(
        self,
        ratios: Mapping[str, float | None],
        targets: Sequence[Mapping[str, Any]] = (),
        notes: Sequence[str] = (),
        **more: Any,
    ) -> Measured:
        """Return the result of the measure."""
        medians = {name: statistics.median(values) for name, values in self.raw.items()}
        numbers = {"ratios": dict(ratios), "medians": medians, "raw": self.raw}
        return {**numbers, "targets": list(targets), "notes": list(notes), **more}


def ratio(ours: float | None, peer: float | None, *, higher_is_better: bool) -> float | None:
    """Return how many times better ours is than the peer; None if one of them is missing."""
    if not ours or not peer:
        return None
    return ours / peer if higher_is_better else peer / ours


def relative_range(values: Sequence[float]) -> float:
    """Return the range of the values, largest minus smallest, as a share of the median."""
    median = statistics.median(values)
    return (max(values) - min(values)) / abs(median) if median else 0.0


def at_least(name: str, value: float | None, limit: float, unit: str = "") -> dict[str, Any]:
    """Return a target that is met by a value of at least the limit; None does not meet it."""
    return _target(name, "at least", value, limit, unit, met=value is not None and value >= limit)


def at_most(name: str, value: float | None, limit: float, unit: str = "") -> dict[str, Any]:
    """Return a target that is met by a value of at most the limit; None does not meet it."""
    return _target(name, "at most", value, limit, unit, met=value is not None and value <= limit)


def _target(name: str, rule: str, value: float | None, limit: float, unit: str, *, met: bool) -> dict[str, Any]:
    return {"name": name, "rule": rule, "limit": limit, "unit": unit, "value": value, "met": bool(met)}


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return b of the fit values = a sizes^b, by least squares on the logarithms."""
    if len(set(sizes)) < 2:
        raise ValueError(f"sizes must hold two different values, got {list(sizes)}")
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def regressions(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each ratio in both results that dropped by more than MAX_DROP."""
    lines = []
    for measure, name, old, new in common_ratios(before, now):
        if new < (1 - MAX_DROP) * old:
            lines.append(f"{measure}, {name}: {new:.3g} is {1 - new / old:.0%} below {old:.3g}")
    return lines


def common_ratios(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str, float, float]]:
    """Return measure, name, old and new value of each ratio in both results."""
    pairs = []
    for measure, old in _ratios(before).items():
        new = _ratios(now).get(measure, {})
        pairs += [(measure, name, old[name], new[name]) for name in old if old[name] and new.get(name) is not None]
    return pairs


def missing_ratios(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the ratios that are only in the earlier results."""
    both = {(measure, name) for measure, name, _, _ in common_ratios(before, now)}
    pairs = [(measure, name) for measure, ratios in _ratios(before).items() for name in ratios if ratios[name]]
    return [f"{measure}, {name}" for measure, name in pairs if (measure, name) not in both]


def _ratios(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: measure["ratios"] for name, measure in results.items() if "ratios" in measure}


def load(path: Path) -> dict[str, Any]:
    """Read a results file; return an empty dictionary if it does not exist."""
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {RENAMED.get(name, name): measure for name, measure in stored.items()}


def store(path: Path, measures: Mapping[str, Measured]) -> dict[str, Any]:
    """Add measures to a results file, keep the others, and return all."""
    results = {**load(path), **measures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return results


def now() -> str:
    """Return the current local time in ISO 8601."""
    return datetime.now().astimezone().isoformat(timespec="minutes")
