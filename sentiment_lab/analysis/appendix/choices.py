"""What was tried before a setting was chosen: one number of validation for each value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sentiment_lab.analysis.selection import Selection, StudyRun, read_run
from sentiment_lab.sweep_record import SweepRecord


def choice_tables(selection: Selection) -> dict[str, list[list[str]]]:
    """Return by caption what the values of each chosen setting gave, the best in bold; headings come first.

    Only the choices that the compared runs come from are told.
    """
    tables: dict[str, list[list[str]]] = {}
    for record in selection.sweeps:
        if record.chooses:
            monitor = str(record.jobs[0]["config"]["training.monitor"])
            caption = f"{record.chooses} was chosen by {monitor.replace('_', ' ')}, with the first seed"
            lines = _lines(record, record.chooses, monitor, selection)
            known = tables.setdefault(caption, [])
            known += [line for line in lines if line not in known]
    return {caption: lines for caption, lines in tables.items() if len(lines) > 1}


def _lines(record: SweepRecord, key: str, monitor: str, selection: Selection) -> list[list[str]]:
    root = selection.runs[0].folder.path.parent
    compared = {_rest(run.config, key) for run in selection.runs}
    groups: dict[str, dict[Any, float]] = {}
    for variant, folder in record.runs(root):
        run = read_run(folder)
        if run.result and _rest(run.config, key) in compared:
            groups.setdefault(_without(key, variant), {})[run.config[key]] = _score(run, monitor)
    values = list(dict.fromkeys(value for group in groups.values() for value in group))
    lines = [[variant, *_cells(group, values, monitor)] for variant, group in groups.items()]
    return [["variant", *map(_plain, values)], *lines]


def _cells(group: Mapping[Any, float], values: Sequence[Any], monitor: str) -> list[str]:
    best = min(group.values()) if monitor.endswith("loss") else max(group.values())
    texts = {value: f"{score:.4f}" for value, score in group.items()}
    return [f"**{texts[value]}**" if group.get(value) == best else texts.get(value, "") for value in values]


def _score(run: StudyRun, monitor: str) -> float:
    kept = run.outcome.epochs[run.outcome.kept_epoch - 1]
    return float(getattr(kept, monitor))


def _rest(config: Mapping[str, Any], key: str) -> str:
    return json.dumps({name: value for name, value in config.items() if name not in (key, "seed")}, sort_keys=True)


def _without(key: str, variant: str) -> str:
    return re.sub(rf"\s*\b{re.escape(key.rpartition('.')[2])}=\S+", "", variant)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
