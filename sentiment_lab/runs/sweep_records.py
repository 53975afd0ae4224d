"""What a sweep is: its frozen list of jobs, kept in a folder that its hash names."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.files import DamageError, atomic_write, checksummed_json, read_checksummed
from sentiment_lab.config.identity import SHORT, config_hash, flatten
from sentiment_lab.config.schema import to_plain
from sentiment_lab.runs.folder import RunFolder

if TYPE_CHECKING:
    from sentiment_lab.runs.job import Job

_FILE = "jobs.json"
LONGEST_NAME = 60
"""Characters of a parent run's name before the number of its runs."""


@dataclass(frozen=True)
class SweepRecord:
    """One sweep: the same study and jobs are the same sweep, whenever and however often its command is given."""

    hash: str
    study: str
    question: str | None
    command: str
    jobs: Sequence[dict[str, Any]]
    """Hash, name, variant, overrides and whole config of each job, in order."""
    chooses: str | None = None
    """The setting whose values these runs try, for a sweep that comes after."""
    chosen: str | None = None
    """The setting whose value each of these runs has because it was the best of those tried."""

    @property
    def name(self) -> str:
        """The name of its parent run: its variants, where few, and how many runs it has."""
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
        """Return name of the variant and folder of each job."""
        return [(job["variant"], RunFolder(root / job["hash"][:SHORT])) for job in self.jobs]

    @classmethod
    def read(cls, folder: Path) -> SweepRecord:
        """Read the record in a sweep's folder.

        Raises DamageError when it is not what was written.
        """
        try:
            return cls(**read_checksummed(folder / _FILE))
        except TypeError as error:
            raise DamageError(f"{folder / _FILE} is damaged: {error}") from error


def freeze(
    jobs: Sequence[Job], command: Sequence[str], *, chooses: str | None = None, chosen: str | None = None
) -> tuple[SweepRecord, list[Job], Path]:
    """Write down the jobs of a sweep before the first one starts; return record, jobs that know it, and its folder.

    Raises StorageError when the folder cannot be written.
    """
    config = jobs[0].config
    hashes = sorted(config_hash(job.config) for job in jobs)
    what = [config.study.name, hashes, *([chooses] if chooses else [])]
    name = hashlib.sha256(json.dumps(what).encode()).hexdigest()[:SHORT]
    words = shlex.join(["sentiment-lab", "train", "-m", *command])
    record = SweepRecord(
        name, config.study.name, config.study.question, words, list(map(_plain, jobs)), chooses, chosen
    )
    folder = sweeps_folder(config.paths.store) / name
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / _FILE, record.text)
    return record, [replace(job, sweep=name) for job in jobs], folder


def sweeps_folder(store: str) -> Path:
    """Return the folder of all sweeps."""
    return Path(store).absolute() / "sweeps"


def list_sweeps(store: str) -> list[Path]:
    """Return the folders of all sweeps, oldest first."""
    found = sweeps_folder(store).glob(f"*/{_FILE}")
    return [path.parent for path in sorted(found, key=lambda path: path.stat().st_mtime)]


def _plain(job: Job) -> dict[str, Any]:
    return {
        "hash": config_hash(job.config),
        "name": job.name,
        "variant": job.variant,
        "overrides": list(job.overrides),
        "config": flatten(to_plain(job.config)),
    }
