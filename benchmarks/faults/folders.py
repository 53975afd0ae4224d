"""Damage each file of a run folder in each way, and use the folder.

Two folders are damaged: that of a complete run, and that of a run killed in its second epoch (a copy made between two
batches). A case passes if the damaged or foreign file is reported and never used silently. `show` and `predict` must
print the same as before, or name the file, or refuse. `train` must end with exactly the outcome of the undisturbed run,
or refuse and name the file. Damage to the lock, the heartbeat and the mark of what is mirrored may be harmless. A
truncated journal or a missing checkpoint of a killed run need not be reported: a kill leaves the same state.
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
from benchmarks.faults.equivalence import outcome_differences
from benchmarks.faults.mlflow_db import MlflowDatabase
from benchmarks.faults.report import Scenario
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
SNAPSHOT_BATCH = 8
"""The copy is made after this many batches; an epoch has six."""
TRANSIENT = ("lock", "heartbeat.json", "mirror.json")
REFUSED = "refused"
TEXT = "a wonderful film"


@dataclass(frozen=True)
class Run:
    """A run whose folders are damaged: the job, and undamaged copies of its folder."""

    job: Job
    complete: Path
    killed: Path
    outputs: dict[str, str]
    """Output of each command for the complete folder."""

    @property
    def folder(self) -> RunFolder:
        """The folder that the commands use."""
        return self.job.folder

    @cached_property
    def reference(self) -> RunFolder:
        """The undamaged folder of the complete run."""
        return RunFolder(self.complete)

    def restore(self, state: str) -> None:
        """Replace the folder by an undamaged copy."""
        shutil.rmtree(self.folder.path, ignore_errors=True)
        shutil.copytree(getattr(self, state), self.folder.path)


class Snapshot(Callback):
    """Copies a run folder between two batches: the state that a kill at this moment leaves."""

    def __init__(self, folder: RunFolder, target: Path) -> None:
        self._folder, self._target, self._remaining = folder, target, SNAPSHOT_BATCH

    def batch_ended(self, progress: Progress) -> None:
        """Count the batches and copy the folder."""
        del progress
        self._remaining -= 1
        if self._remaining == 0:
            shutil.copytree(self._folder.path, self._target)


def run(count: int, seed: int, root: Path) -> Scenario:
    """Damage every file in each way, with `count` bit flips per file."""
    scenario = Scenario("folders", "a file of a run folder damaged, deleted, replaced or added")
    random = Random(seed)  # noqa: S311  # nothing secret
    own = _train(root, "own", [])
    other = _train(root, "other", _OTHER)
    for state, check in (("complete", _check_complete), ("killed", _check_train)):
        _damage_each(scenario, own, other, state, check, list(damages(count, random)))
        _add_foreign(scenario, own, other, state, check)
    _delete_checkpoints(scenario, own)
    _damage_marks(scenario, root, list(damages(count, random)))
    return scenario


def _train(root: Path, name: str, overrides: list[str]) -> Run:
    """Train a run and copy its folder after some batches and at its end; each run has its own environment."""
    overrides = [
        *_TINY,
        *overrides,
        f"paths.runs={root / 'runs'}",
        f"paths.store={root}",
        f"paths.cache={root / 'cache'}",
    ]
    job = Job(compose_config(overrides), overrides, "gru")
    code = CodeVersion(f"code of {name}", f"a change of {name}\n")
    packages = {**environment(), "name": name}
    killed = root / name / "killed" / job.folder.short_hash
    complete = root / name / "complete" / job.folder.short_hash
    with (
        patch("sentiment_lab.sweeps.execution.code_version", lambda: code),
        patch("sentiment_lab.sweeps.execution.environment", lambda _: packages),
    ):
        execute(job, callback=Snapshot(job.folder, killed))
    shutil.copytree(job.folder.path, complete)
    shutil.copy(killed / "heartbeat.json", complete)
    return Run(job, complete, killed, _outputs(job))


Check = Callable[[Run, str], Iterator[str]]
"""Yields the problems with a run, given the name of its damaged file."""


def _damage_each(scenario: Scenario, own: Run, other: Run, state: str, check: Check, kinds: list[Damage]) -> None:
    undamaged: Path = getattr(own, state)
    for path in sorted(path for path in undamaged.rglob("*") if path.is_file()):
        name = str(path.relative_to(undamaged))
        for damage in kinds:
            own.restore(state)
            foreign = _counterpart(getattr(other, state), name)
            if damage.apply(own.folder.path / name, foreign):
                problems = [] if _may_be_silent(state, name, damage) else list(_check_reported(own, name))
                scenario.add_result(f"{state}, {name} {damage.name}", [*problems, *check(own, name)])


def _counterpart(folder: Path, name: str) -> Path:
    """Return the other run's file of the same kind; checkpoints have different names in each run."""
    if name.startswith("checkpoint/"):
        return max((folder / "checkpoint").iterdir())
    return folder / name


def _may_be_silent(state: str, name: str, damage: Damage) -> bool:
    """Return whether a damage need not be reported: it is harmless, or a kill leaves the same state."""
    truncated = name == "journal.jsonl" and damage.name.startswith("truncated")
    deleted = name.startswith("checkpoint/") and damage.name == "missing"
    return name in TRANSIENT or (state == "killed" and (truncated or deleted))


def _add_foreign(scenario: Scenario, own: Run, other: Run, state: str, check: Check) -> None:
    """Add a file that no run writes to each folder; and another run's checkpoint among the checkpoints."""
    undamaged: Path = getattr(own, state)
    folders = [undamaged, *(path for path in undamaged.iterdir() if path.is_dir())]
    files = {str((folder / "notes.txt").relative_to(undamaged)): b"not ours" for folder in folders}
    if state == "killed":
        checkpoint = _counterpart(other.killed, "checkpoint/")
        files[f"checkpoint/{checkpoint.name.replace('epoch00001', 'epoch00009')}"] = checkpoint.read_bytes()
    for name, content in files.items():
        own.restore(state)
        (own.folder.path / name).write_bytes(content)
        problems = list(_check_reported(own, name)) if name.endswith("notes.txt") else []
        scenario.add_result(f"{state}, {name} added", [*problems, *check(own, name)])


def _delete_checkpoints(scenario: Scenario, own: Run) -> None:
    own.restore("killed")
    shutil.rmtree(own.folder.checkpoints)
    problems = [*_check_reported(own, "checkpoint"), *_check_train(own, "checkpoint")]
    scenario.add_result("killed, checkpoint missing", problems)


def _check_reported(own: Run, name: str) -> Iterator[str]:
    reported = list(map(str, [*find_damage(own.folder), *find_foreign(own.folder)]))
    if not any(Path(name).name in line for line in reported):
        yield f"not reported among {reported}"


def _check_complete(own: Run, name: str) -> Iterator[str]:
    """Run the commands on a complete run; yield each output that differs without naming the damaged file."""
    for command, output in _outputs(own.job).items():
        if output not in (own.outputs[command], REFUSED) and Path(name).name not in output:
            yield f"{command} silently printed something else: {output[:200]}"
    yield from _check_train(own, name)


def _check_train(own: Run, name: str) -> Iterator[str]:
    """Train again; yield the problems unless training refuses and names the file, or ends like the undisturbed run."""
    try:
        with redirect_stderr(io.StringIO()):
            execute(own.job)
    except LabError as error:
        if Path(name).name not in str(error):
            yield f"train refused without naming it: {error}"
    else:
        yield from outcome_differences(own.folder, own.reference)
        yield from (f"after train: {problem}" for problem in find_damage(own.folder))


def _outputs(job: Job) -> dict[str, str]:
    """Return what each command prints about a run, or REFUSED."""
    from sentiment_lab.cli.predict import predict_texts
    from sentiment_lab.cli.show import show

    root, prefix = str(job.folder.path.parent), job.folder.short_hash
    return {
        "show": _output(lambda: show(root, prefix, as_json=True)) if job.folder.state == "complete" else REFUSED,
        "predict": _output(lambda: predict_texts(root, prefix, [TEXT], as_json=True)),
    }


def _output(call: Callable[[], int]) -> str:
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        try:
            call()
        except LabError:
            return REFUSED
    return output.getvalue()


def _damage_marks(scenario: Scenario, root: Path, kinds: list[Damage]) -> None:
    """Damage the mark of what is mirrored: the store must still hold the run once and completely.

    The first case is a run that the store does not have, with the mark of another run.
    """
    own, other = (_tracked(root, seed) for seed in (21, 22))
    execute(_untracked(own))
    execute(other)
    mark = own.folder.path / "mirror.json"
    shutil.copy(other.folder.path / mark.name, mark)
    for kind in ["of another run, for a run that is not in the store", *kinds]:
        if isinstance(kind, Damage) and not kind.apply(mark, other.folder.path / mark.name):
            continue
        with redirect_stderr(io.StringIO()):
            execute(own)
        problems = MlflowDatabase(root / "mlflow.db").mismatches(STUDY, [own.folder, other.folder], sweeps=0)
        scenario.add_result(f"mirror.json {kind.name if isinstance(kind, Damage) else kind}", problems)


def _tracked(root: Path, seed: int) -> Job:
    overrides = [override for override in _TINY if override != "tracking=none"]
    overrides += [f"seed={seed}", "tracking.system_metrics=false", f"paths.runs={root / 'tracked'}"]
    overrides += [f"paths.store={root}", f"paths.cache={root / 'cache'}"]
    return Job(compose_config(overrides), overrides, "gru")


def _untracked(job: Job) -> Job:
    return replace(job, config=compose_config([*job.overrides, "tracking.enabled=false"]))
