"""`sentiment-lab diff`: the differences between two runs in config, environment and result."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_hash, add_json, runs_folder

if TYPE_CHECKING:
    from sentiment_lab.runs.folder import RunFolder

GROUPS = ("config", "layers", "result")
_HASH = re.compile(r"[0-9a-f]{64}")
_EXCLUDED = ("epochs", "train_seconds", "predict_reviews_per_second", "data_hash", "split_hash")
"""Fields of a result that are times or belong to another group."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Compares settings, data, code, machine and result."
    parser = add_command(commands, "diff", run, "show the differences between two runs", details)
    add_hash(parser, "hash", of="the first run")
    add_hash(parser, "other", of="the second run")
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return diff(runs_folder(options), options.hash, options.other, as_json=options.json)


def diff(root: str, one: str, other: str, *, as_json: bool) -> int:
    """Print each setting, each property of data, code and machine, and each number that differs between two runs.

    Raises RunError if no run or several have one of the prefixes, DamageError for a damaged file.
    """
    from sentiment_lab.runs.listing import find_run

    runs = [find_run(Path(root), prefix) for prefix in (one, other)]
    first, second = map(_describe, runs)
    differences = {group: _differing(first[group], second[group]) for group in GROUPS}
    hashes = [run.short_hash for run in runs]
    if as_json:
        print(json.dumps({"hashes": hashes, **differences}, indent=2))
    else:
        _print(hashes, differences)
    return 0


def _describe(folder: RunFolder) -> dict[str, dict[str, Any]]:
    from sentiment_lab.config.fields import to_plain
    from sentiment_lab.config.identity import flatten

    data: dict[str, Any] = next((event for event in folder.events() if event["event"] == "data"), {})
    hashes: dict[str, Any] = {name: data[name] for name in ("data_hash", "split_hash") if name in data}
    result = flatten(to_plain(folder.result())) if folder.state == "complete" else {"state": folder.state}
    return {
        "config": flatten(folder.config()),
        "layers": {**hashes, **_environment(folder)},
        "result": {key: value for key, value in result.items() if key not in _EXCLUDED},
    }


def _environment(folder: RunFolder) -> dict[str, str]:
    try:
        return folder.environment()
    except LabError as error:
        print_message(str(error))
        return {}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, list[Any]]:
    """Return both values of each key whose values differ; a missing value is None."""
    keys = dict.fromkeys((*one, *other))
    return {key: [one.get(key), other.get(key)] for key in keys if one.get(key) != other.get(key)}


def _print(hashes: list[str], differences: dict[str, dict[str, list[Any]]]) -> None:
    from sentiment_lab.base.tables import render

    if not any(differences.values()):
        print_message("no differences")
    for group, differing in differences.items():
        if differing:
            rows = [[key, *map(_cell, values)] for key, values in differing.items()]
            render(console(stderr=False), (group, *hashes), rows, left=3)


def _cell(value: Any) -> str:
    from sentiment_lab.base.tables import DASH
    from sentiment_lab.config.identity import SHORT

    if value is None:
        return DASH
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text[:SHORT] if _HASH.fullmatch(text) else text
