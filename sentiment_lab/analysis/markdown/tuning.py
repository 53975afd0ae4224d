"""What was tried before a setting was chosen: one number of validation for each value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sentiment_lab.analysis.selection import Selection, StudyRun, read_run


class TuningTrial(NamedTuple):
    """One run that tried a value."""

    caption: str
    """What was chosen, and by what."""
    variant: str
    """What it is called without the value."""
    value: str
    score: float
    less_is_better: bool
    run: StudyRun


def find_trials(selection: Selection) -> list[TuningTrial]:
    """Return the runs by which the settings of the compared ones were chosen, in order."""
    found = {one.run.short_hash: one for one in _tries(selection)}
    return list(found.values())


def choice_tables(tries: Sequence[TuningTrial]) -> dict[str, list[list[str]]]:
    """Return by caption what each value gave, the best of a variant in bold; headings come first."""
    return {
        caption: _table([one for one in tries if one.caption == caption]) for caption in _distinct(tries, "caption")
    }


def _tries(selection: Selection) -> Iterator[TuningTrial]:
    root = selection.runs[0].folder.path.parent
    for record in selection.sweeps:
        if record.chooses:
            key, monitor = record.chooses, str(record.jobs[0]["config"]["training.monitor"])
            caption = f"{key} was chosen by {monitor.replace('_', ' ')}, with the first seed"
            compared = {_rest(run.config, key) for run in selection.runs}
            for variant, folder in record.runs(root):
                run = read_run(folder)
                if run.result and _rest(run.config, key) in compared:
                    score = getattr(run.result.kept, monitor)
                    value = json.dumps(run.config.get(key))
                    yield TuningTrial(
                        caption, _without(key, variant), value, float(score), monitor.endswith("loss"), run
                    )


def _table(tries: Sequence[TuningTrial]) -> list[list[str]]:
    values = _distinct(tries, "value")
    lines = [["variant", *values]]
    for variant in _distinct(tries, "variant"):
        scores = {one.value: one.score for one in tries if one.variant == variant}
        best = min(scores.values()) if tries[0].less_is_better else max(scores.values())
        texts = {value: f"**{score:.4f}**" if score == best else f"{score:.4f}" for value, score in scores.items()}
        lines.append([variant, *(texts.get(value, "") for value in values)])
    return lines


def _distinct(tries: Sequence[TuningTrial], field: str) -> list[str]:
    return list(dict.fromkeys(getattr(one, field) for one in tries))


def _rest(config: Mapping[str, Any], key: str) -> str:
    return json.dumps({name: value for name, value in config.items() if name not in (key, "seed")}, sort_keys=True)


def _without(key: str, variant: str) -> str:
    return re.sub(rf"\s*\b{re.escape(key.rpartition('.')[2])}=\S+", "", variant)
