"""Which runs answer a question: those of a study, of a sweep, of a variant, or any that are named."""

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


@dataclass(frozen=True)
class StudyRun:
    """What is known of one run: all of it for a complete one, its state and the reason for another."""

    folder: RunFolder
    name: str
    study: str
    state: str
    """That of the folder, or damaged."""
    config: Mapping[str, Any]
    """The canonical config by dotted key; empty where it cannot be read."""
    result: Result | None
    problem: str | None = None
    """Why there is no result, where that is known."""

    @property
    def short_hash(self) -> str:
        """First digits of the config hash."""
        return self.folder.short_hash

    @property
    def outcome(self) -> Result:
        """The result of a complete run.

        Raises RunError where there is none.
        """
        if self.result is None:
            raise RunError(f"run {self.short_hash} has no result: it is {self.state}")
        return self.result


@dataclass(frozen=True)
class Selection:
    """Runs to compare, and what they were run for."""

    study: str
    question: str | None
    runs: Sequence[StudyRun]
    note: str | None = None
    """How they were chosen, where the user did not say."""
    sweep: str | None = None
    """The hash of the one sweep that they are."""
    left_out: str | None = None
    """Which runs of the study are not among them, and why."""
    sweeps: Sequence[SweepRecord] = ()
    """The sweeps that ran them, as far as they are known."""

    @property
    def chosen(self) -> set[str]:
        """The settings that validation chose for each variant."""
        return {record.chosen for record in self.sweeps if record.chosen}


def select_study(root: Path, store: str, study: str | None) -> Selection:
    """Return the runs of a study: those that were run for it and those that its sweeps found complete.

    None takes the study of the newest run. Raises RunError when there are none, naming the studies that there are.
    """
    studies = _studies(root)
    if not studies:
        raise RunError(f"there are no runs below {root}; `sentiment-lab train` makes one")
    name = study or list(studies)[-1]
    sweeps = [record for record in _sweeps(store) if record.study == name]
    if name not in studies and not sweeps:
        raise RunError(f"no study {name!r} below {root}{did_you_mean(name, studies)} (there are {', '.join(studies)})")
    listed = [RunFolder(root / job["hash"][:SHORT]) for record in sweeps for job in record.jobs]
    tried = _tried_only(sweeps)
    folders = [run for run in [*studies.get(name, []), *listed] if run.short_hash not in tried]
    runs = {run.short_hash: run for run in folders if run.path.is_dir()}
    others = [other for other in studies if other != name]
    note = f"study {name}, that of the newest run; --study chooses another: {', '.join(others)}"
    chosen = list(map(read_run, runs.values()))
    told = note if others and not study else None
    return Selection(name, _question(sweeps), chosen, told, left_out=_left_out(tried), sweeps=sweeps)


def _tried_only(sweeps: Sequence[SweepRecord]) -> dict[str, SweepRecord]:
    """Return the runs, by short hash, that only tried a value of a setting, of studies where another was chosen."""
    answers = {job["hash"] for record in sweeps if not record.chooses for job in record.jobs}
    choices = [record for record in sweeps if record.chooses] if answers else []
    return {job["hash"][:SHORT]: record for record in choices for job in record.jobs if job["hash"] not in answers}


def _left_out(tried: Mapping[str, SweepRecord]) -> str | None:
    if not tried:
        return None
    records = {record.hash: record for record in tried.values()}.values()
    keys = ", ".join(sorted({str(record.chooses) for record in records}))
    names = " ".join(record.hash for record in records)
    return f"{len(tried)} runs with values of {keys} that validation did not choose are left out (compare {names})"


def select_sweep(root: Path, record: SweepRecord) -> Selection:
    """Return the runs of a sweep in the order of its jobs."""
    runs = [read_run(run) for _, run in record.runs(root)]
    return Selection(record.study, record.question, runs, sweep=record.hash, sweeps=[record])


def select_hashes(root: Path, store: str, prefixes: Sequence[str]) -> Selection:
    """Return the runs that hashes name: each is the prefix of a run's, a sweep's, or a variant's.

    Raises RunError where one names nothing or several things.
    """
    sweeps = {record.hash: record for record in _sweeps(store)}
    if len(prefixes) == 1 and len(found := _matching(prefixes[0], sweeps)) == 1:
        record = sweeps[found[0]]
        choices = [other for other in sweeps.values() if other.chooses and other.study == record.study]
        return replace(select_sweep(root, record), sweeps=[record, *choices])
    known = {run.short_hash: run for run in list_runs(root)}
    folders = [run for prefix in prefixes for run in _named(root, prefix, known, sweeps)]
    runs = {run.short_hash: read_run(run) for run in folders}
    studies = list(dict.fromkeys(run.study for run in runs.values()))
    question = _question([r for r in sweeps.values() if r.study == studies[0]]) if len(studies) == 1 else None
    ran = [record for record in sweeps.values() if any(job["hash"][:SHORT] in runs for job in record.jobs)]
    return Selection(", ".join(studies), question, list(runs.values()), sweeps=ran)


def split_by(selection: Selection, key: str) -> list[tuple[Any, Selection]]:
    """Return each value of the setting `key` with the runs that have it: numbers, words, then null, in order.

    Runs without the setting are left out, which is noted. Raises LabError where no run has it.
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
    noted = "; ".join(filter(None, [selection.left_out, more]))
    values = sorted(((json.loads(text), text) for text in groups), key=lambda pair: _order(*pair))
    return [(value, replace(selection, runs=groups[text], left_out=noted or None)) for value, text in values]


def _order(value: Any, text: str) -> tuple[bool, bool, float, str]:
    number = isinstance(value, int | float)
    return (value is None, not number, float(value) if number else 0.0, text)


def read_run(folder: RunFolder) -> StudyRun:
    """Read what a folder says of its run; damage is told, not raised."""
    started = folder.journal.first() or {}
    name, study, state = str(started.get("name", folder.short_hash)), str(started.get("study", "")), folder.state
    try:
        config = with_left_out(flatten(folder.config())) if state != "new" else {}
        result = folder.result() if state == "complete" else None
    except LabError as error:
        return StudyRun(folder, name, study, "damaged", {}, None, str(error))
    reason = None if result else _reason(folder)
    return StudyRun(folder, name, study, state, config, result, reason)


def _reason(folder: RunFolder) -> str | None:
    return next((str(event["reason"]) for event in reversed(folder.events()) if "reason" in event), None)


def _studies(root: Path) -> dict[str, list[RunFolder]]:
    """Return the runs by study; the study with the newest run is the last."""
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
            continue  # its runs are there all the same


def _question(sweeps: Sequence[SweepRecord]) -> str | None:
    return next((record.question for record in reversed(sweeps) if record.question), None)


def _matching(prefix: str, hashes: Iterable[str]) -> list[str]:
    wanted = prefix.lower()
    return [name for name in hashes if wanted and name.startswith(wanted[: len(name)])]


def _named(
    root: Path, prefix: str, known: Mapping[str, RunFolder], sweeps: Mapping[str, SweepRecord]
) -> list[RunFolder]:
    found = {f"run {name}": [known[name]] for name in _matching(prefix, known)}
    for name in _matching(prefix, sweeps):
        found[f"sweep {name}"] = [run for _, run in sweeps[name].runs(root)]
    # Whose variant a run is stands in its config alone, so that is read where nothing else has the hash.
    variants = {} if found else _variants(known.values())
    found.update({f"variant {name[:SHORT]}": variants[name] for name in _matching(prefix, variants)})
    if len(found) > 1:
        raise RunError(f"{prefix!r} is the beginning of several hashes: {', '.join(found)}")
    if not found:
        hint = did_you_mean(prefix.lower()[:SHORT], known)
        raise RunError(f"no run, variant or sweep {prefix!r} below {root}{hint} (`sentiment-lab runs` lists the runs)")
    return next(iter(found.values()))


def _variants(runs: Iterable[RunFolder]) -> dict[str, list[RunFolder]]:
    variants: dict[str, list[RunFolder]] = {}
    for run in runs:
        with suppress(LabError):  # a damaged config is no variant's
            variants.setdefault(variant_of(run.config()), []).append(run)
    return variants
