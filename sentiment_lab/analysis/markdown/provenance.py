"""The provenance of a page's numbers: the effort, the machine, the versions, and the commands to reproduce them."""

from __future__ import annotations

import itertools
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
    """Return the command of a sweep without the settings of the machine that it ran on.

    Raises LabError if the recorded command cannot be parsed.
    """
    try:
        program, train, *overrides = shlex.split(record.command)
    except ValueError as error:
        raise LabError(
            f"the command of sweep {record.hash} cannot be read ({error}); run the sweep's command again"
        ) from error
    return shlex.join([program, train, *machine_independent(overrides)])


def effort(runs: Sequence[StudyRun], trials: Sequence[StudyRun]) -> str:
    """Return the number of runs, the time of their training and their total time.

    `trials` are the tuning runs, which may include runs that are compared.
    """
    more = [run for run in trials if run.short_hash not in {one.short_hash for one in runs}]
    tuning = f" and {len(more)} tuning runs" if more else ""
    training = sum(run.outcome.train_seconds for run in [*runs, *more])
    total = max(training, sum(_seconds(run) for run in [*runs, *more]))
    return (
        f"{len(runs)} runs{tuning}: {_hours(training)} of training, {_hours(total)} with data loading, evaluation and "
        "saving (summed over parallel runs)"
    )


def machine(runs: Sequence[StudyRun]) -> str:
    """Return the machine and the libraries of the runs, or all of them if runs differ."""
    return " / ".join(dict.fromkeys(map(show_machine, map(_environment, runs))))


def versions(runs: Sequence[StudyRun]) -> str:
    """Return the commits, the data and the splits of the runs."""
    codes = dict.fromkeys(show_code(_environment(run).get("code_version", "unknown")) for run in runs)
    data = dict.fromkeys(f"`{run.outcome.data_hash[:SHORT]}`" for run in runs)
    splits = dict.fromkeys(f"`{run.outcome.split_hash[:SHORT]}`" for run in runs)
    kinds = {"commit": codes, "data_hash": data, "split_hash": splits}
    return "; ".join(f"{name} {', '.join(values)}" for name, values in kinds.items())


def show_machine(environment: Mapping[str, str]) -> str:
    """Return cores, threads and libraries of an environment."""
    if not environment:
        return "an unknown machine"
    libraries = ", ".join(f"{name} {environment[name]}" for name in _LIBRARIES if name in environment)
    threads = environment.get("threads", "all")
    features = environment.get("processor", "").partition("[")[2]
    vectors = " with AVX-512" if "avx512" in features else ""
    return (
        f"{environment.get('cores', '?')} cores{vectors}, {threads} thread{'s' * (threads != '1')} per run; {libraries}"
    )


def show_code(version: str) -> str:
    """Return a code version in short."""
    commit, changed, _ = version.partition("+")
    name = commit[:SHORT] if all(character in "0123456789abcdef" for character in commit) else commit
    return f"`{name}`{' with uncommitted changes' if changed else ''}"


def _environment(run: StudyRun) -> Mapping[str, str]:
    try:
        return run.folder.environment()
    except LabError:
        return {}  # damaged: its result is still valid, and `doctor` reports it


def _seconds(run: StudyRun) -> float:
    """Return the seconds of all attempts, from event to event; a step back of the clock counts as none."""
    events = run.folder.events()
    times = [datetime.fromisoformat(str(event["time"])) for event in events]
    steps = zip(itertools.pairwise(times), events[1:], strict=True)
    return sum(
        max(0.0, (after - before).total_seconds()) for (before, after), event in steps if event["event"] != "started"
    )


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{seconds / 60:.0f} minutes"
