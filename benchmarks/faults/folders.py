"""Damage each file of a run's folder in each way, and use the folder.

Two folders are damaged: that of a complete run, and that of a run as a kill leaves it within its second epoch (a copy
made between two batches). A case holds when the damaged or foreign file is named and is never used silently: `show` and
`predict` print what they printed before, or name the file, or refuse; `train` ends with the very outcome of the
undisturbed run, or refuses and names the file. Lock, heartbeat and the mark of what is mirrored may be damaged without
harm. That the journal of a killed run was cut, or that one of its checkpoints is missing, need not be named: a kill
leaves the same.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from unittest.mock import patch

from benchmarks.faults.command import STUDY
from benchmarks.faults.damages import Damage, damages
from benchmarks.faults.report import Part
from benchmarks.faults.sameness import outcome_differences
from benchmarks.faults.stored import Stored
from sentiment_lab.base.errors import LabError
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.integrity import find_damage, find_foreign
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.provenance import CodeVersion, environment
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback, Progress

_TINY = [
    *("data.reviews=120", "data.length=12", "data.distance=2", "model=gru", "model.units=[4]", "model.dropout=0.2"),
    *("model.embedding_size=4", "training.epochs=3", "training.batch_size=16", "launch.progress=none"),
    *("launch.checkpoint_minutes=0", "tracking=none", "tracking.figures=true", f"study.name={STUDY}"),
]
_OTHER = ["seed=9", "data.seed=9", "model.units=[5]"]
SNAPSHOT = 8
"""Batches before the copy is made; an epoch has six."""
TRANSIENT = ("lock", "heartbeat.json", "mirror.json")
REFUSED = "refused"
TEXT = "a wonderful film"


@dataclass(frozen=True)
class Run:
    """A run whose folders are damaged: the job, and whole copies of its folder."""

    job: Job
    complete: Path
    killed: Path
    words: dict[str, str]
    """What the commands say of the complete folder."""

    @property
    def folder(self) -> RunFolder:
        """Where the command finds it."""
        return self.job.folder

    @cached_property
    def whole(self) -> RunFolder:
        """The outcome that it must have."""
        return RunFolder(self.complete)

    def lay(self, state: str) -> None:
        """Put a whole copy where the command finds it."""
        shutil.rmtree(self.folder.path, ignore_errors=True)
        shutil.copytree(getattr(self, state), self.folder.path)


class Snapshot(Callback):
    """Copies a run's folder between two batches: that is what a kill at this moment leaves."""

    def __init__(self, folder: RunFolder, target: Path) -> None:
        self._folder, self._target, self._left = folder, target, SNAPSHOT

    def batch_ended(self, progress: Progress) -> None:
        """Count the batches."""
        del progress
        self._left -= 1
        if self._left == 0:
            shutil.copytree(self._folder.path, self._target)


def run(count: int, seed: int, root: Path) -> Part:
    """Damage every file, with so many flips for each, and judge."""
    part = Part("folders", "a file of a run's folder damaged, lost, replaced or added")
    random = Random(seed)  # noqa: S311  # nothing secret
    own = _trained(root, "own", [])
    other = _trained(root, "other", _OTHER)
    for state, check in (("complete", _use_complete), ("killed", _go_on)):
        _damage_each(part, own, other, state, check, list(damages(count, random)))
        _add_foreign(part, own, other, state, check)
    _lose_checkpoints(part, own)
    _damage_marks(part, root, list(damages(count, random)))
    return part


def _trained(root: Path, name: str, words: list[str]) -> Run:
    """Train a run and keep its folder as it is at its end and after some batches; each has another environment."""
    words = [*_TINY, *words, f"paths.runs={root / 'runs'}", f"paths.store={root}", f"paths.cache={root / 'cache'}"]
    job = Job(compose_config(words), words, "gru")
    code, facts = CodeVersion(f"code of {name}", f"a change of {name}\n"), {**environment(), "name": name}
    killed = root / name / "killed" / job.folder.short_hash
    complete = root / name / "complete" / job.folder.short_hash
    with (
        patch("sentiment_lab.sweeps.execution.code_version", lambda: code),
        patch("sentiment_lab.sweeps.execution.environment", lambda _: facts),
    ):
        execute(job, callback=Snapshot(job.folder, killed))
    shutil.copytree(job.folder.path, complete)
    shutil.copy(killed / "heartbeat.json", complete)
    return Run(job, complete, killed, _words(job))


Judge = Callable[[Run, str], Iterator[str]]


def _damage_each(part: Part, own: Run, other: Run, state: str, check: Judge, kinds: list[Damage]) -> None:
    whole: Path = getattr(own, state)
    for path in sorted(path for path in whole.rglob("*") if path.is_file()):
        name = str(path.relative_to(whole))
        for damage in kinds:
            own.lay(state)
            foreign = _like(getattr(other, state), name)
            if damage.apply(own.folder.path / name, foreign):
                wrong = [] if _may_be_silent(state, name, damage) else list(_unnamed(own, name))
                part.record(f"{state}, {name} {damage.name}", [*wrong, *check(own, name)])


def _like(folder: Path, name: str) -> Path:
    """Return the other run's file of the same kind: a checkpoint has another name in each."""
    if name.startswith("checkpoint/"):
        return max((folder / "checkpoint").iterdir())
    return folder / name


def _may_be_silent(state: str, name: str, damage: Damage) -> bool:
    """Tell whether a damage need not be named: it does no harm, or a kill leaves the same."""
    cut = name == "journal.jsonl" and damage.name.startswith("cut")
    lost = name.startswith("checkpoint/") and damage.name == "missing"
    return name in TRANSIENT or (state == "killed" and (cut or lost))


def _add_foreign(part: Part, own: Run, other: Run, state: str, check: Judge) -> None:
    """Lay a file into each folder that no run writes there; among the checkpoints also one of another run."""
    whole: Path = getattr(own, state)
    folders = [whole, *(path for path in whole.iterdir() if path.is_dir())]
    files = {str((folder / "notes.txt").relative_to(whole)): b"not ours" for folder in folders}
    if state == "killed":
        checkpoint = _like(other.killed, "checkpoint/")
        files[f"checkpoint/{checkpoint.name.replace('epoch00001', 'epoch00009')}"] = checkpoint.read_bytes()
    for name, content in files.items():
        own.lay(state)
        (own.folder.path / name).write_bytes(content)
        wrong = list(_unnamed(own, name)) if name.endswith("notes.txt") else []
        part.record(f"{state}, {name} added", [*wrong, *check(own, name)])


def _lose_checkpoints(part: Part, own: Run) -> None:
    own.lay("killed")
    shutil.rmtree(own.folder.checkpoints)
    part.record("killed, checkpoint missing", [*_unnamed(own, "checkpoint"), *_go_on(own, "checkpoint")])


def _unnamed(own: Run, name: str) -> Iterator[str]:
    named = list(map(str, [*find_damage(own.folder), *find_foreign(own.folder)]))
    if not any(Path(name).name in line for line in named):
        yield f"not named among {named}"


def _use_complete(own: Run, name: str) -> Iterator[str]:
    for command, said in _words(own.job).items():
        if said not in (own.words[command], REFUSED) and Path(name).name not in said:
            yield f"{command} silently printed other words: {said[:200]}"
    yield from _go_on(own, name)


def _go_on(own: Run, name: str) -> Iterator[str]:
    """Train again, and yield what is wrong unless that refuses in words or ends like the undisturbed run."""
    try:
        with redirect_stderr(io.StringIO()):
            execute(own.job)
    except LabError as error:
        if Path(name).name not in str(error):
            yield f"train refused without naming it: {error}"
    else:
        yield from outcome_differences(own.folder, own.whole)
        yield from (f"after train: {problem}" for problem in find_damage(own.folder))


def _words(job: Job) -> dict[str, str]:
    """Return what commands print of a run, or with which words they refuse."""
    from sentiment_lab.cli.predict import predict_texts
    from sentiment_lab.cli.show import show

    root, prefix = str(job.folder.path.parent), job.folder.short_hash
    return {
        "show": _said(lambda: show(root, prefix, as_json=True)) if job.folder.state == "complete" else REFUSED,
        "predict": _said(lambda: predict_texts(root, prefix, [TEXT], as_json=True)),
    }


def _said(call: Callable[[], int]) -> str:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            call()
        except LabError:
            return REFUSED
    return said.getvalue()


def _damage_marks(part: Part, root: Path, kinds: list[Damage]) -> None:
    """Damage the mark of what is mirrored; the store must have the run once and whole, first of all a run it lacks."""
    own, other = (_tracked(root, seed) for seed in (21, 22))
    execute(_untracked(own))
    execute(other)
    mark = own.folder.path / "mirror.json"
    shutil.copy(other.folder.path / mark.name, mark)
    for name in ["another run's, and the store lacks this one", *kinds]:
        if isinstance(name, Damage) and not name.apply(mark, other.folder.path / mark.name):
            continue
        with redirect_stderr(io.StringIO()):
            execute(own)
        wrong = Stored(root / "mlflow.db").mismatches(STUDY, [own.folder, other.folder], sweeps=0)
        part.record(f"mirror.json {name.name if isinstance(name, Damage) else name}", wrong)


def _tracked(root: Path, seed: int) -> Job:
    words = [word for word in _TINY if word != "tracking=none"]
    words += [f"seed={seed}", "tracking.system_metrics=false", f"paths.runs={root / 'tracked'}"]
    words += [f"paths.store={root}", f"paths.cache={root / 'cache'}"]
    return Job(compose_config(words), words, "gru")


def _untracked(job: Job) -> Job:
    return replace(job, config=compose_config([*job.overrides, "tracking.enabled=false"]))
