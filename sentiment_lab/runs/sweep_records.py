"""Records of sweeps: the frozen list of jobs, in a folder named by the sweep's hash."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.files import (
    DamageError,
    StorageError,
    atomic_write,
    checksummed_json,
    read_checksummed,
    storage_errors,
)
from sentiment_lab.config.fields import to_plain
from sentiment_lab.config.identity import SHORT, config_hash, flatten
from sentiment_lab.runs.folder import RunFolder

if TYPE_CHECKING:
    from sentiment_lab.runs.job import Job

_FILE = "jobs.json"
LONGEST_NAME = 60
"""Characters of a parent run's name, without the number of runs."""


@dataclass(frozen=True)
class SweepRecord:
    """One sweep, identified by its study and jobs: rerunning its command continues the same sweep."""

    hash: str
    study: str
    question: str | None
    command: str
    jobs: Sequence[dict[str, Any]]
    """Hash, name, variant, overrides and full config of each job, in order."""
    chooses: str | None = None
    """The setting that these runs tune (`study.choose`), for the sweep that follows."""
    chosen: str | None = None
    """The setting of which these runs have the tuned value."""

    @property
    def name(self) -> str:
        """The name of its parent run: its variants if they fit, and the number of runs."""
        names = ", ".join(dict.fromkeys(job["variant"] for job in self.jobs))
        what = f"choose {self.chooses}" if self.chooses else names if len(names) <= LONGEST_NAME else "sweep"
        return f"{what}: {len(self.jobs)} runs"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its parent run."""
        return {"sweep": self.hash, "study": self.study, "command": self.command}

    @property
    def text(self) -> str:
        """The content of its file."""
        return checksummed_json(to_plain(self))

    def runs(self, root: Path) -> Iterable[tuple[str, RunFolder]]:
        """Return variant and folder of each job."""
        return [(job["variant"], RunFolder(root / job["hash"][:SHORT])) for job in self.jobs]

    @classmethod
    def read(cls, folder: Path) -> SweepRecord:
        """Read the record in a sweep's folder.

        Raises DamageError when it is missing or changed since it was written.
        """
        try:
            return cls(**read_checksummed(folder / _FILE))
        except TypeError as error:
            raise DamageError(f"{folder / _FILE} is damaged: {error}") from error


def freeze(
    jobs: Sequence[Job], command: Sequence[str], *, tunes: str | None = None, tuned: str | None = None
) -> tuple[SweepRecord, list[Job], Path]:
    """Record the jobs of a sweep before the first one starts; return the record, the jobs with its hash, its folder.

    `tunes` is the setting whose values the jobs try, `tuned` the one of which they have the best value. Raises
    StorageError when the folder cannot be written.
    """
    config = jobs[0].config
    hashes = sorted(config_hash(job.config) for job in jobs)
    identity = [config.study.name, hashes, *([tunes] if tunes else [])]
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:SHORT]
    command_line = shlex.join(["sentiment-lab", "train", "-m", *command])
    record = SweepRecord(
        name, config.study.name, config.study.question, command_line, list(map(_plain, jobs)), tunes, tuned
    )
    folder = sweeps_folder(config.paths.store) / name
    _write(folder, record)
    return record, [replace(job, sweep=name) for job in jobs], folder


def _write(folder: Path, record: SweepRecord) -> None:
    """Write the record, which also makes this sweep the newest; one that is there may be in a read-only folder.

    Raises StorageError when it cannot be written and is not there.
    """
    try:
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            atomic_write(folder / _FILE, record.text)
    except StorageError as error:
        try:
            SweepRecord.read(folder)
        except DamageError:
            raise error from None


def sweeps_folder(store: str) -> Path:
    """Return the folder of all sweeps."""
    return Path(store).absolute() / "sweeps"


def list_sweeps(store: str) -> list[Path]:
    """Return the folders of all sweeps, oldest first."""
    records = sweeps_folder(store).glob(f"*/{_FILE}")
    return [path.parent for path in sorted(records, key=lambda path: path.stat().st_mtime)]


def _plain(job: Job) -> dict[str, Any]:
    return {
        "hash": config_hash(job.config),
        "name": job.name,
        "variant": job.variant,
        "overrides": list(job.overrides),
        "config": flatten(to_plain(job.config)),
    }
