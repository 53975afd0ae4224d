"""What a sweep has found so far."""

from __future__ import annotations

from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison, compare
from sentiment_lab.analysis.selection import select_sweep
from sentiment_lab.analysis.summaries import ACCURACY
from sentiment_lab.base.errors import LabError
from sentiment_lab.runs.sweep_records import SweepRecord

_CHOSEN_BY = {"validation_loss": "validation_loss", "validation_accuracy": "best_validation_accuracy"}
"""Metrics of the choices of `training.monitor`."""


def compare_sweep(record: SweepRecord, root: Path) -> Comparison | None:
    """Compare the runs of a sweep; None where none is complete yet.

    A sweep over data or splits is shown too: its pairs are those that were tested on the same reviews. One that
    chooses a setting is ranked by what it is chosen by.
    """
    metric = _CHOSEN_BY[record.jobs[0]["config"]["training.monitor"]] if record.chooses else ACCURACY
    try:
        return compare(select_sweep(root, record), metric=metric, across_data=True)
    except LabError:
        return None
