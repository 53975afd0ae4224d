"""The tuning trials of a comparison: the validation score of each tried value of a setting."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sentiment_lab.analysis.selection import Selection, StudyRun, read_run


class TuningTrial(NamedTuple):
    """One run with one value of the tuned setting."""

    caption: str
    """The setting, and the score that decides."""
    variant: str
    """The name of the variant without the value."""
    value: str
    score: float
    less_is_better: bool
    run: StudyRun


def find_trials(selection: Selection) -> list[TuningTrial]:
    """Return the tuning trials of the compared variants, in order, without duplicates."""
    return list({trial.run.short_hash: trial for trial in _trials(selection)}.values())


def choice_tables(trials: Sequence[TuningTrial]) -> dict[str, list[list[str]]]:
    """Return a table of scores by caption: headings first, a row for each variant with its best value in bold."""
    return {
        caption: _table([trial for trial in trials if trial.caption == caption])
        for caption in _distinct(trials, "caption")
    }


def _trials(selection: Selection) -> Iterator[TuningTrial]:
    root = selection.runs[0].folder.path.parent
    for record in selection.sweeps:
        if not record.chooses:
            continue
        key, monitor = record.chooses, str(record.jobs[0]["config"]["training.monitor"])
        caption = f"{key}: {monitor.replace('_', ' ')} with the first seed"
        compared = {_other_settings(run.config, key) for run in selection.runs}
        for variant, folder in record.runs(root):
            run = read_run(folder)
            if run.result and _other_settings(run.config, key) in compared:
                score = float(getattr(run.result.kept, monitor))
                value = json.dumps(run.config.get(key))
                yield TuningTrial(caption, _without(key, variant), value, score, monitor.endswith("loss"), run)


def _table(trials: Sequence[TuningTrial]) -> list[list[str]]:
    values = _distinct(trials, "value")
    lines = [["variant", *values]]
    for variant in _distinct(trials, "variant"):
        scores = {trial.value: trial.score for trial in trials if trial.variant == variant}
        best = min(scores.values()) if trials[0].less_is_better else max(scores.values())
        texts = {value: f"**{score:.4f}**" if score == best else f"{score:.4f}" for value, score in scores.items()}
        lines.append([variant, *(texts.get(value, "") for value in values)])
    return lines


def _distinct(trials: Sequence[TuningTrial], field: str) -> list[str]:
    return list(dict.fromkeys(getattr(trial, field) for trial in trials))


def _other_settings(config: Mapping[str, Any], key: str) -> str:
    return json.dumps({name: value for name, value in config.items() if name not in (key, "seed")}, sort_keys=True)


def _without(key: str, variant: str) -> str:
    return re.sub(rf"\s*\b{re.escape(key.rpartition('.')[2])}=\S+", "", variant)
