"""Comparing the complete runs of a sweep."""

from __future__ import annotations

from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison, compare
from sentiment_lab.analysis.selection import select_sweep
from sentiment_lab.analysis.summaries import ACCURACY
from sentiment_lab.base.errors import LabError
from sentiment_lab.runs.sweep_records import SweepRecord

_MONITORED = {"validation_loss": "validation_loss", "validation_accuracy": "best_validation_accuracy"}
"""Metric of each option of `training.monitor`."""


def compare_sweep(record: SweepRecord, root: Path) -> Comparison | None:
    """Compare the runs of a sweep; None where none is complete yet.

    In a sweep over data or splits, only variants tested on the same reviews form pairs. A sweep that tunes a setting is
    ranked by `training.monitor` instead of test accuracy.
    """
    metric = _MONITORED[record.jobs[0]["config"]["training.monitor"]] if record.chooses else ACCURACY
    try:
        return compare(select_sweep(root, record), metric=metric, across_data=True)
    except LabError:
        return None
