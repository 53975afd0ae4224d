"""Where the numbers of a page come from: how long it took, on what, and how to get them again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.base.errors import LabError
from sentiment_lab.config.identity import SHORT, machine_independent
from sentiment_lab.runs.sweep_records import SweepRecord

_LIBRARIES = ("python", "tensorflow", "keras", "numpy", "scikit-learn")


def runs_of(comparison: Comparison) -> list[StudyRun]:
    """Return the complete runs of all variants."""
    return [run for row in comparison.rows for run in row.variant.runs.values()]


def sweep_command(record: SweepRecord) -> str:
    """Return the command of a sweep without what belongs to the machine that it ran on.

    Raises LabError where it was not kept so that it can be read.
    """
    try:
        program, train, *words = shlex.split(record.command)
    except ValueError as error:
        raise LabError(f"the command of sweep {record.hash} cannot be read ({error}); give it once more") from error
    return shlex.join([program, train, *machine_independent(words)])


def effort(runs: Sequence[StudyRun], tries: Sequence[StudyRun]) -> str:
    """Return how many runs there are, and the hours that their training took and that passed.

    `tries` are those that tried a value; what is compared may be among them.
    """
    more = [run for run in tries if run.short_hash not in {one.short_hash for one in runs}]
    beside = f", and {len(more)} that tried other values" if more else ""
    whole = [*runs, *more]
    training = sum(run.outcome.train_seconds for run in whole)
    passed = sum(seconds for run in whole for seconds in _attempts(run))
    return (
        f"{len(runs)} runs{beside}: {_hours(training)} of training, {_hours(passed)} with reading, testing and keeping "
        "(runs side by side are added up)"
    )


def machine(runs: Sequence[StudyRun]) -> str:
    """Return what the runs ran on and with, each of several in turn."""
    return " / ".join(dict.fromkeys(map(_machine, map(_environment, runs))))


def versions(runs: Sequence[StudyRun]) -> str:
    """Return the commits, the data and the split that the runs had."""
    codes = dict.fromkeys(_code(_environment(run).get("code_version", "unknown")) for run in runs)
    data = dict.fromkeys(f"`{run.outcome.data_hash[:SHORT]}`" for run in runs)
    splits = dict.fromkeys(f"`{run.outcome.split_hash[:SHORT]}`" for run in runs)
    kinds = {"commit": codes, "data_hash": data, "split_hash": splits}
    return "; ".join(f"{name} {', '.join(values)}" for name, values in kinds.items())


def _environment(run: StudyRun) -> Mapping[str, str]:
    try:
        return run.folder.environment()
    except LabError:
        return {}  # damaged: its numbers are there all the same, and `doctor` names it


def _machine(known: Mapping[str, str]) -> str:
    if not known:
        return "a machine that is not known"
    libraries = ", ".join(f"{name} {known[name]}" for name in _LIBRARIES if name in known)
    threads = known.get("threads", "all")
    features = known.get("processor", "").partition("[")[2]
    vectors = " with AVX-512" if "avx512" in features else ""
    return f"{known.get('cores', '?')} cores{vectors}, {threads} thread{'s' * (threads != '1')} a run; {libraries}"


def _code(version: str) -> str:
    commit, changed, _ = version.partition("+")
    name = commit[:SHORT] if all(character in "0123456789abcdef" for character in commit) else commit
    return f"`{name}`{' with changes that were not committed' if changed else ''}"


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
