"""Comparing the complete runs of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison, compare
from sentiment_lab.analysis.selection import FAILED, select_sweep
from sentiment_lab.analysis.summaries import ACCURACY
from sentiment_lab.base.errors import LabError
from sentiment_lab.runs.sweep_records import SweepRecord

_MONITORED = {"validation_loss": "validation_loss", "validation_accuracy": "best_validation_accuracy"}
"""Metric of each option of `training.monitor`."""


def compare_sweep(record: SweepRecord, root: Path, failed: Mapping[str, str] | None = None) -> Comparison | None:
    """Compare the runs of a sweep; None where none is complete yet.

    `failed` has the reason of each job that failed just now, by short hash; a result in its folder is not used. In a
    sweep over data or splits, only variants tested on the same reviews form pairs. A sweep that tunes a setting is
    ranked by `training.monitor` instead of test accuracy.
    """
    metric = _MONITORED[record.jobs[0]["config"]["training.monitor"]] if record.chooses else ACCURACY
    reasons = failed or {}
    selection = select_sweep(root, record)
    runs = [
        replace(run, state=FAILED, result=None, problem=reasons[run.short_hash]) if run.short_hash in reasons else run
        for run in selection.runs
    ]
    try:
        return compare(replace(selection, runs=runs), metric=metric, across_data=True)
    except LabError:
        return None
