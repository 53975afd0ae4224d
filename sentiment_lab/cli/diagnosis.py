"""The checks of `sentiment-lab doctor`: versions, folders, data and run folders; those of the store are apart."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from sentiment_lab.base.files import remove
from sentiment_lab.cli.finding import Finding
from sentiment_lab.cli.store_diagnosis import check_store
from sentiment_lab.config.resources import PACKAGE, cache_folder
from sentiment_lab.config.settings import Config
from sentiment_lab.config.studies import study_files, study_problems
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.integrity import Damage, find_damage, find_foreign, find_leftovers
from sentiment_lab.runs.listing import all_runs

LEAST_FREE = 1 << 30
"""Bytes of free disk space below which a folder is reported: a study with its models and store takes some 100 MB."""


def examine(config: Config) -> Iterator[Finding]:
    """Check everything that the runs of a config depend on, and yield each problem once."""
    seen = set()
    for finding in _find(config):
        if (finding.area, finding.problem) not in seen:
            seen.add((finding.area, finding.problem))
            yield finding


def _find(config: Config) -> Iterator[Finding]:
    yield from _check_versions()
    yield from _check_studies()
    yield from _check_folders(config)
    yield from _check_data(config)
    runs = all_runs(config)
    for run in runs:
        yield from _check_run(run)
    if config.tracking.enabled:
        yield from check_store(config, runs)


def _check_versions() -> Iterator[Finding]:
    lock = next((path for path in (PACKAGE.parent, PACKAGE) if (path / "requirements.lock").is_file()), None)
    if lock is None:
        return
    for line in (lock / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            locked = Requirement(line.removesuffix("\\"))
            if locked.marker is None or locked.marker.evaluate():
                yield from _check_version(locked)


def _check_version(locked: Requirement) -> Iterator[Finding]:
    try:
        installed = version(locked.name)
    except PackageNotFoundError:
        return  # a development tool, or an optional dependency that is not installed
    if not locked.specifier.contains(installed, prereleases=True):
        hint = "pip install --require-hashes -r requirements.lock"
        yield Finding("versions", f"{locked.name} is {installed}, the lock has {locked.specifier}", hint)


def _check_studies() -> Iterator[Finding]:
    for name in study_files():
        for problem in study_problems(name):
            yield Finding("studies", problem, f"correct or remove the file; only +experiments={name} is affected")


def _check_folders(config: Config) -> Iterator[Finding]:
    folders = {
        "paths.runs": Path(config.paths.runs).absolute(),
        "paths.store": Path(config.paths.store).absolute(),
        "paths.cache": cache_folder(config),
    }
    for key, folder in folders.items():
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            problem = f"{key}: {existing} cannot be written: {error.strerror}"
            yield Finding("folders", problem, f"set another folder with {key}=DIR")
        free = shutil.disk_usage(existing).free
        if free < LEAST_FREE:
            yield Finding("folders", f"{key}: {free >> 20} MiB are free at {existing}", "free at least 1 GiB")


def _check_data(config: Config) -> Iterator[Finding]:
    from sentiment_lab.data.cache import find_damage as find_cache_damage
    from sentiment_lab.data.sources.archive_check import is_published
    from sentiment_lab.data.sources.download import ARCHIVE

    cache = cache_folder(config)
    downloaded = cache / ARCHIVE
    if downloaded.is_file() and not is_published(downloaded):
        hint = "remove it; sentiment-lab data fetch downloads it again"
        yield Finding("data", f"{downloaded} is not the published archive: its MD5 does not match", hint)
    yield from _check_named_data(cache)
    for entry, problem in find_cache_damage(cache):
        yield Finding(
            "data", problem, "removes the cache entry, which is built again when needed", partial(remove, entry)
        )


def _check_named_data(cache: Path) -> Iterator[Finding]:
    """Check the data that the environment variable SENTIMENT_LAB_DATA names."""
    from sentiment_lab.data.reviews import DataError
    from sentiment_lab.data.sources.archive_check import read_problem
    from sentiment_lab.data.sources.download import ARCHIVE, VARIABLE
    from sentiment_lab.data.sources.locate import locate

    if not os.environ.get(VARIABLE):
        return
    try:
        source = locate(None, cache)
    except DataError as error:
        yield Finding("data", str(error), f"correct or unset {VARIABLE}")
        return
    if source.name == ARCHIVE and (problem := read_problem(source)):
        hint = f"download it again, or unset {VARIABLE}"
        yield Finding("data", f"{source} cannot be read to its end: {problem}", hint)


def _check_run(run: RunFolder) -> Iterator[Finding]:
    if run.holder:
        return  # another process writes there
    for damage in find_damage(run):
        yield _damage_finding(run, damage)
    for path in find_leftovers(run):
        yield Finding("runs", f"{path} was left by a process that died", "removes it", partial(remove, path))
    for path in find_foreign(run):
        yield Finding("runs", f"{path} is not a file of a run", "move it elsewhere")


def _damage_finding(run: RunFolder, damage: Damage) -> Finding:
    if damage.kind == "checkpoint":
        hint = "removes it; the checkpoint before it is used"
        return Finding("runs", str(damage), hint, partial(remove, damage.path))
    if damage.kind == "journal_end":
        return Finding("runs", str(damage), "writes its last line", partial(_complete_journal, run))
    if damage.kind == "journal" and run.state != "complete":
        return Finding("runs", str(damage), "keeps its intact lines", partial(_repair_journal, run))
    return Finding("runs", str(damage), f"retrain it: the command in `show {run.short_hash}`, with --force")


def _complete_journal(run: RunFolder) -> None:
    run.journal.append("completed", weights_digest=run.result().weights_digest)


def _repair_journal(run: RunFolder) -> None:
    with run.locked():
        run.journal.repair()
