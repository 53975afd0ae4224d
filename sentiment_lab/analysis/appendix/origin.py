"""Where the numbers of a page come from: how long it took, on what, and how to get them again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.identity import SHORT, portable
from sentiment_lab.sweep_record import SweepRecord

_LIBRARIES = ("python", "tensorflow", "keras", "numpy", "scikit-learn")


def runs_of(comparison: Comparison) -> list[StudyRun]:
    """Return the complete runs of all variants."""
    return [run for row in comparison.rows for run in row.variant.runs.values()]


def sweep_command(record: SweepRecord) -> str:
    """Return the command of a sweep without what belongs to the machine that it ran on."""
    words = shlex.split(record.command)
    begin = words.index("-m") + 1 if "-m" in words else 2
    return shlex.join([*words[:begin], *portable(words[begin:])]).replace("train -m +", "train +")


def effort(runs: Sequence[StudyRun]) -> str:
    """Return how many runs there are, and the hours that their training took and that passed."""
    training = sum(run.outcome.train_seconds for run in runs)
    passed = sum(seconds for run in runs for seconds in _attempts(run))
    return (
        f"{len(runs)} runs, {_hours(training)} of training, {_hours(passed)} with reading, testing and keeping "
        "(runs side by side are added up)"
    )


def machine(runs: Sequence[StudyRun]) -> str:
    """Return what the runs ran on and with, each of several in turn."""
    told: dict[str, None] = {}
    for run in runs:
        known = run.folder.environment()
        versions = ", ".join(f"{name} {known[name]}" for name in _LIBRARIES if name in known)
        threads = known.get("threads", "all")
        processor = known.get("processor", "").replace("[", "(").replace("]", ")")
        short = "AVX-512" if "avx512" in processor else processor
        told[
            f"{known.get('cores', '?')} cores ({short}), {threads} thread{'s' * (threads != '1')} a run; {versions}"
        ] = None
    return " / ".join(told)


def versions(runs: Sequence[StudyRun]) -> str:
    """Return the commits, the data and the split that the runs had."""
    codes = dict.fromkeys(run.folder.environment().get("code_version", "?")[:SHORT] for run in runs)
    data = dict.fromkeys(run.outcome.data_hash[:SHORT] for run in runs)
    splits = dict.fromkeys(run.outcome.split_hash[:SHORT] for run in runs)
    kinds = {"commit": codes, "data_hash": data, "split_hash": splits}
    return "; ".join(f"{name} {', '.join(f'`{value}`' for value in values)}" for name, values in kinds.items())


def _attempts(run: StudyRun) -> list[float]:
    """Return the seconds of each attempt, from its start to its last sign of life."""
    spans: list[list[datetime]] = []
    for event in run.folder.events():
        if event["event"] == "started" or not spans:
            spans.append([])
        spans[-1].append(datetime.fromisoformat(str(event["time"])))
    return [(span[-1] - span[0]).total_seconds() for span in spans]


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"
