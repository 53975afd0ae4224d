"""`sentiment-lab diff`: what sets two runs apart, from config to result."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.tables import render
from sentiment_lab.config.identity import SHORT, flatten
from sentiment_lab.config.schema import to_plain
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.listing import find_run

GROUPS = ("config", "layers", "result")
_HASH = re.compile(r"[0-9a-f]{64}")
_LEFT_OUT = ("epochs", "train_seconds", "predict_reviews_per_second", "data_hash", "split_hash")
"""Of a result: what is shown elsewhere, or is time."""


def diff(root: str, one: str, other: str, *, as_json: bool) -> int:
    """Show every setting, layer and number that differs between two runs.

    Raises RunError when a prefix names no run or several, DamageError for a file that is not what was written.
    """
    runs = [find_run(Path(root), prefix) for prefix in (one, other)]
    found = {group: _differing(*(_facts(run)[group] for run in runs)) for group in GROUPS}
    if as_json:
        print(json.dumps({"hashes": [run.short_hash for run in runs], **found}, indent=2))
    else:
        _show([run.short_hash for run in runs], found)
    return 0


def _facts(run: RunFolder) -> dict[str, dict[str, Any]]:
    data: dict[str, Any] = next((event for event in run.events() if event["event"] == "data"), {})
    layers: dict[str, Any] = {name: data[name] for name in ("data_hash", "split_hash") if name in data}
    result = flatten(to_plain(run.result())) if run.state == "complete" else {"state": run.state}
    return {
        "config": flatten(run.config()),
        "layers": {**layers, **_environment(run)},
        "result": {key: value for key, value in result.items() if key not in _LEFT_OUT},
    }


def _environment(run: RunFolder) -> dict[str, str]:
    try:
        return run.environment()
    except LabError as error:
        print_message(str(error))
        return {}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, list[Any]]:
    """Return both values of each fact that differs; a fact that one side lacks is None there."""
    return {
        key: [one.get(key), other.get(key)] for key in dict.fromkeys((*one, *other)) if one.get(key) != other.get(key)
    }


def _show(hashes: list[str], found: dict[str, dict[str, list[Any]]]) -> None:
    if not any(found.values()):
        print_message("nothing differs")
    for group, differing in found.items():
        if differing:
            rows = [[key, *map(_cell, values)] for key, values in differing.items()]
            render(console(stderr=False), (group, *hashes), rows, left=3)


def _cell(value: Any) -> str:
    if value is None:
        return "–"  # noqa: RUF001  # a dash is meant
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text[:SHORT] if _HASH.fullmatch(text) else text
