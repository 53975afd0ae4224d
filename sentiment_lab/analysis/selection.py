"""Select the runs to compare: by study, sweep, variant or run hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.identity import SHORT, flatten, variant_of, with_left_out
from sentiment_lab.runs.folder import RunError, RunFolder
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.runs.sweep_records import SweepRecord, list_sweeps
from sentiment_lab.training.result import Result

FAILED, DAMAGED = "failed", "damaged"
"""States of a run without a result: its last attempt failed; its files differ from what was written."""


@dataclass(frozen=True)
class StudyRun:
    """One run as its folder records it: the result of a complete run, otherwise its state and the reason."""

    folder: RunFolder
    name: str
    study: str
    state: str
    """The state of the folder, or DAMAGED."""
    config: Mapping[str, Any]
    """The canonical config by dotted key; empty if it cannot be read."""
    result: Result | None
    problem: str | None = None
    """Why there is no result, if the reason is known."""
    source: str = ""
    """Where its reviews came from: the path of a file, `imdb` or `generated`."""

    @property
    def short_hash(self) -> str:
        """The first digits of the config hash."""
        return self.folder.short_hash

    @property
    def outcome(self) -> Result:
        """The result of a complete run.

        Raises RunError if the run is not complete.
        """
        if self.result is None:
            raise RunError(f"run {self.short_hash} has no result: it is {self.state}")
        return self.result


@dataclass(frozen=True)
class Selection:
    """The runs to compare, with their study and its question."""

    study: str
    question: str | None
    runs: Sequence[StudyRun]
    note: str | None = None
    """How the study was selected, if the user named none."""
    sweep: str | None = None
    """The hash of the sweep, if the selection is one sweep."""
    left_out: str | None = None
    """Which runs of the study are excluded, and why."""
    sweeps: Sequence[SweepRecord] = ()
    """The known sweeps of these runs."""

    @property
    def tuned(self) -> set[str]:
        """The settings that were tuned on validation for each variant."""
        return {record.chosen for record in self.sweeps if record.chosen}


def select_study(root: Path, store: str, study: str | None) -> Selection:
    """Return the runs of a study, including complete runs of other studies that its sweeps reused.

    None selects the study of the newest run. Raises RunError if the study has no runs, naming the existing studies.
    """
    studies = _studies(root)
    if not studies:
        raise RunError(f"there are no runs below {root}; `sentiment-lab train` makes one")
    name = study or list(studies)[-1]
    sweeps = [record for record in _sweeps(store) if record.study == name]
    if name not in studies and not sweeps:
        raise RunError(f"no study {name!r} below {root}{did_you_mean(name, studies)} (there are {', '.join(studies)})")
    listed = [RunFolder(root / job["hash"][:SHORT]) for record in sweeps for job in record.jobs]
    trials = _trials_only(sweeps)
    folders = [run for run in [*studies.get(name, []), *listed] if run.short_hash not in trials]
    runs = {run.short_hash: run for run in folders if run.path.is_dir()}
    others = [other for other in studies if other != name]
    note = f"study {name}, that of the newest run; --study selects another: {', '.join(others)}"
    return Selection(
        name,
        _question(sweeps),
        list(map(read_run, runs.values())),
        note if others and not study else None,
        left_out=_left_out(trials),
        sweeps=sweeps,
    )


def _trials_only(sweeps: Sequence[SweepRecord]) -> dict[str, SweepRecord]:
    """Return the tuning sweep of each run, by short hash, whose value of the tuned setting was not chosen."""
    compared = {job["hash"] for record in sweeps if not record.chooses for job in record.jobs}
    tuning = [record for record in sweeps if record.chooses] if compared else []
    return {job["hash"][:SHORT]: record for record in tuning for job in record.jobs if job["hash"] not in compared}


def _left_out(trials: Mapping[str, SweepRecord]) -> str | None:
    if not trials:
        return None
    records = {record.hash: record for record in trials.values()}.values()
    keys = ", ".join(sorted({str(record.chooses) for record in records}))
    names = " ".join(record.hash for record in records)
    return f"{len(trials)} runs with values of {keys} that validation did not choose are left out (compare {names})"


def select_sweep(root: Path, record: SweepRecord) -> Selection:
    """Return the runs of a sweep in the order of its jobs. A run without a journal has the name of its job."""
    runs = [read_run(run, job["name"]) for job, (_, run) in zip(record.jobs, record.runs(root), strict=True)]
    return Selection(record.study, record.question, runs, sweep=record.hash, sweeps=[record])


def select_hashes(root: Path, store: str, prefixes: Sequence[str]) -> Selection:
    """Return the runs named by hashes, each the prefix of the hash of a run, a sweep or a variant.

    Raises RunError if a prefix matches nothing, or more than one of them.
    """
    sweeps = {record.hash: record for record in _sweeps(store)}
    if len(prefixes) == 1 and len(matches := _matching(prefixes[0], sweeps)) == 1:
        record = sweeps[matches[0]]
        tuning = [other for other in sweeps.values() if other.chooses and other.study == record.study]
        return replace(select_sweep(root, record), sweeps=[record, *tuning])
    known = {run.short_hash: run for run in list_runs(root)}
    folders = [run for prefix in prefixes for run in _named(root, prefix, known, sweeps)]
    runs = {run.short_hash: read_run(run) for run in folders}
    studies = list(dict.fromkeys(run.study for run in runs.values()))
    question = _question([r for r in sweeps.values() if r.study == studies[0]]) if len(studies) == 1 else None
    own_sweeps = [record for record in sweeps.values() if any(job["hash"][:SHORT] in runs for job in record.jobs)]
    return Selection(", ".join(studies), question, list(runs.values()), sweeps=own_sweeps)


def split_by(selection: Selection, key: str) -> list[tuple[Any, Selection]]:
    """Return the runs by value of the setting `key`, sorted: numbers, then text, then null.

    Runs without the setting are left out, which `left_out` records. Raises LabError if no run has the setting.
    """
    known = dict.fromkeys(name for run in selection.runs for name in run.config)
    if key not in known:
        raise LabError(f"--within {key}: no run has that setting{did_you_mean(key, known)}")
    groups: dict[str, list[StudyRun]] = {}
    for run in selection.runs:
        if key in run.config:
            groups.setdefault(json.dumps(run.config[key]), []).append(run)
    without = sum(key not in run.config for run in selection.runs)
    more = f"{without} runs without {key} are left out" if without else None
    left_out = "; ".join(filter(None, [selection.left_out, more])) or None
    values = sorted(((json.loads(text), text) for text in groups), key=lambda pair: _order(*pair))
    return [(value, replace(selection, runs=groups[text], left_out=left_out)) for value, text in values]


def _order(value: Any, text: str) -> tuple[bool, bool, float, str]:
    number = isinstance(value, int | float)
    return (value is None, not number, float(value) if number else 0.0, text)


def read_run(folder: RunFolder, name: str | None = None) -> StudyRun:
    """Read the run of a folder; a damaged one gets the state DAMAGED and its problem instead of an error.

    `name` is that of a run whose journal has none, by default its hash.
    """
    started = folder.journal.first() or {}
    name, study = str(started.get("name", name or folder.short_hash)), str(started.get("study", ""))
    state, source = folder.state, str(started.get("source", ""))
    try:
        config = with_left_out(flatten(folder.config())) if state != "new" else {}
        result = folder.result() if state == "complete" else None
    except LabError as error:
        return StudyRun(folder, name, study, DAMAGED, {}, None, str(error), source)
    reasons = [str(event["reason"]) for event in folder.events() if "reason" in event] if result is None else []
    return StudyRun(folder, name, study, state, config, result, reasons[-1] if reasons else None, source)


def _studies(root: Path) -> dict[str, list[RunFolder]]:
    """Return the runs by study; the study of the newest run comes last."""
    studies: dict[str, list[RunFolder]] = {}
    newest: dict[str, int] = {}
    for number, run in enumerate(list_runs(root)):
        started = run.started()
        if started:
            studies.setdefault(str(started["study"]), []).append(run)
            newest[str(started["study"])] = number
    return {name: studies[name] for name in sorted(studies, key=newest.__getitem__)}


def _sweeps(store: str) -> Iterator[SweepRecord]:
    for folder in list_sweeps(store):
        try:
            yield SweepRecord.read(folder)
        except LabError:
            continue  # its runs are still listed by their folders


def _question(sweeps: Sequence[SweepRecord]) -> str | None:
    return next((record.question for record in reversed(sweeps) if record.question), None)


def _matching(prefix: str, hashes: Iterable[str]) -> list[str]:
    wanted = prefix.lower()
    return [name for name in hashes if wanted and name.startswith(wanted[: len(name)])]


def _named(
    root: Path, prefix: str, known: Mapping[str, RunFolder], sweeps: Mapping[str, SweepRecord]
) -> list[RunFolder]:
    matches = {f"run {name}": [known[name]] for name in _matching(prefix, known)}
    for name in _matching(prefix, sweeps):
        matches[f"sweep {name}"] = [run for _, run in sweeps[name].runs(root)]
    # Only the config of a run gives its variant hash, so configs are read only if no run or sweep matches.
    variants = {} if matches else _variants(known.values())
    matches.update({f"variant {name[:SHORT]}": variants[name] for name in _matching(prefix, variants)})
    if len(matches) > 1:
        raise RunError(f"{prefix!r} is the beginning of several hashes: {', '.join(matches)}")
    if not matches:
        hint = did_you_mean(prefix.lower()[:SHORT], known)
        raise RunError(f"no run, variant or sweep {prefix!r} below {root}{hint} (`sentiment-lab runs` lists the runs)")
    return next(iter(matches.values()))


def _variants(runs: Iterable[RunFolder]) -> dict[str, list[RunFolder]]:
    variants: dict[str, list[RunFolder]] = {}
    for run in runs:
        with suppress(LabError):  # a damaged config belongs to no variant
            variants.setdefault(variant_of(run.config()), []).append(run)
    return variants
