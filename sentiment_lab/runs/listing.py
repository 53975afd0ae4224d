"""Listing the run folders below a root, and finding one by its hash."""

from __future__ import annotations

import re
from pathlib import Path

from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.identity import SHORT
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import AmbiguousHashError, RunError, RunFolder
from sentiment_lab.runs.journal import Event, JournalContent


def all_runs(config: Config) -> list[RunFolder]:
    """Return every run on disk, reproductions too."""
    roots = [Path(config.paths.runs).absolute(), *Path(config.paths.store).absolute().glob("reproductions/*")]
    return [run for root in roots for run in list_runs(root)]


_HASH = re.compile(rf"[0-9a-f]{{{SHORT}}}")


def list_runs(root: Path) -> list[RunFolder]:
    """Return the run folders below a root, oldest first."""
    return sorted(_folders(root), key=lambda run: _age(run, run.started()))


def read_journals(root: Path) -> list[tuple[RunFolder, JournalContent]]:
    """Return the run folders below a root with their journals, oldest first; each journal is read once."""
    pairs = [(run, run.journal.read()) for run in _folders(root)]
    return sorted(pairs, key=lambda pair: _age(pair[0], next(iter(pair[1].events), None)))


def _folders(root: Path) -> list[RunFolder]:
    return [RunFolder(path) for path in root.iterdir() if _HASH.fullmatch(path.name)] if root.is_dir() else []


def _age(run: RunFolder, started: Event | None) -> tuple[str, str]:
    return (str(started["time"]) if started else "9", run.short_hash)


def _has_hash(run: RunFolder, prefix: str) -> bool:
    if len(prefix) <= SHORT:
        return run.short_hash.startswith(prefix)
    return prefix.startswith(run.short_hash) and run.config_hash.startswith(prefix)


def find_run(root: Path, prefix: str) -> RunFolder:
    """Return the one run whose hash begins with `prefix`.

    Raises RunError when there is none, AmbiguousHashError when there are several, and for a full hash DamageError where
    the config that it names is damaged.
    """
    known = {run.short_hash: run for run in _folders(root)}  # by name alone: reading many runs is slow
    wanted = prefix.lower()
    matches = [name for name in known if wanted and _has_hash(known[name], wanted)]
    if len(matches) == 1:
        return known[matches[0]]
    if matches:
        raise AmbiguousHashError(f"{prefix!r} is the prefix of several runs: {', '.join(sorted(matches))}")
    if not known:
        raise RunError(f"no run {prefix!r}: there are no runs below {root}; `sentiment-lab train` creates one")
    raise RunError(f"no run {prefix!r} below {root}{did_you_mean(wanted, known)} (`sentiment-lab runs` lists them)")
