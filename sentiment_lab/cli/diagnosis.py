"""What can be wrong with a workplace: versions, places, data, run folders, the store; and what mends it."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import socket
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from sentiment_lab.base.console import print_message
from sentiment_lab.config.resources import PACKAGE, cache_folder
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.integrity import find_damage, find_foreign, find_leftovers
from sentiment_lab.tracking.address import store_uri
from sentiment_lab.training.checkpoint import checkpoint_files, damage

if TYPE_CHECKING:
    from sentiment_lab.tracking.store import Store
from sentiment_lab.runs.listing import all_runs

LEAST_FREE = 1 << 30
"""Bytes that a disk should have free: a study with its models and its store takes some hundreds of MB."""
DEAD_AFTER = timedelta(minutes=5)
"""Age of a heartbeat on another machine after which its run counts as dead."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    area: str
    problem: str
    hint: str
    """What to do about it, or what --fix does."""
    fix: Callable[[], None] | None = None
    """Mends it; None where a person has to."""


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything that a config's runs depend on, and yield what is wrong."""
    yield from _versions()
    yield from _places(config)
    yield from _data(config)
    runs = all_runs(config)
    for run in runs:
        yield from _folder(run)
    if config.tracking.enabled:
        yield from _store(config, runs)


def _versions() -> Iterator[Finding]:
    lock = next((path for path in (PACKAGE.parent, PACKAGE) if (path / "requirements.lock").is_file()), None)
    if lock is None:
        return
    for line in (lock / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            wanted = Requirement(line.removesuffix("\\"))
            if wanted.marker is None or wanted.marker.evaluate():
                yield from _version(wanted)


def _version(wanted: Requirement) -> Iterator[Finding]:
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return  # a tool of development alone, or a part that is not installed here
    if not wanted.specifier.contains(found, prereleases=True):
        hint = "pip install --require-hashes -r requirements.lock"
        yield Finding("versions", f"{wanted.name} is {found}, the lock has {wanted.specifier}", hint)


def _places(config: Config) -> Iterator[Finding]:
    places = {
        "paths.runs": Path(config.paths.runs).absolute(),
        "paths.store": Path(config.paths.store).absolute(),
        "paths.cache": cache_folder(config),
    }
    for key, place in places.items():
        there = next(path for path in (place, *place.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            yield Finding("places", f"{key}: {there} cannot be written: {error.strerror}", f"name another with {key}=")
        free = shutil.disk_usage(there).free
        if free < LEAST_FREE:
            yield Finding("places", f"{key}: {free >> 20} MiB are free at {there}", "make room, at least 1 GiB")


def _data(config: Config) -> Iterator[Finding]:
    from sentiment_lab.data.cache import find_damage as find_cache_damage
    from sentiment_lab.data.reviews import DataError
    from sentiment_lab.data.sources.download import ARCHIVE, MD5, VARIABLE
    from sentiment_lab.data.sources.locate import locate

    named, cache = os.environ.get(VARIABLE), cache_folder(config)
    downloaded = cache / ARCHIVE
    if downloaded.is_file() and _md5(downloaded) != MD5:
        hint = "remove it; sentiment-lab data fetch brings it again"
        yield Finding("data", f"{downloaded} is not the published archive: its MD5 does not fit", hint)
    if named:
        try:
            place = locate(None, cache)
        except DataError as error:
            yield Finding("data", str(error), f"correct or unset {VARIABLE}")
        else:
            if place.name == ARCHIVE and (problem := _broken(place)):
                hint = f"bring it again, or unset {VARIABLE}"
                yield Finding("data", f"{place} cannot be read to its end: {problem}", hint)
    for entry, problem in find_cache_damage(cache):
        yield Finding("data", problem, "its cache entry is built again", _remover(entry))


def _folder(run: RunFolder) -> Iterator[Finding]:
    if run.holder:
        return  # its own process writes there
    damaged = {str(problem): path for path in checkpoint_files(run.checkpoints) if (problem := damage(path))}
    for problem in find_damage(run):
        if problem in damaged:
            yield Finding("runs", problem, "the one before it is used", _remover(damaged[problem]))
        elif run.state == "complete" and problem.endswith("lacks its last line"):
            yield Finding("runs", problem, "its last line is written", lambda: _complete_journal(run))
        elif run.state != "complete" and "journal.jsonl" in problem:
            yield Finding("runs", problem, "its intact lines are kept", lambda: _mend_journal(run))
        else:
            yield Finding("runs", problem, f"the command in `show {run.short_hash}` with --force runs it again")
    for path in find_leftovers(run):
        yield Finding("runs", f"{path} was left by a process that died", "is removed", _remover(path))
    for path in find_foreign(run):
        yield Finding("runs", f"{path} is no file of a run", "move it elsewhere")


def _store(config: Config, runs: list[RunFolder]) -> Iterator[Finding]:
    uri = store_uri(config.tracking, config.paths)
    database = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:"):
        if not database.is_file():
            if runs:
                yield Finding("store", f"{database} is not there, {len(runs)} runs are", "sentiment-lab sync makes it")
            return
        problem = _sqlite_problem(database)
        if problem:
            hint = (
                "end the process that holds it, or move it aside: sentiment-lab sync fills a new one from the folders"
            )
            yield Finding("store", f"{database} {problem}", hint)
            return
    from sentiment_lab.tracking.store import open_store, told

    store = open_store(config.tracking, config.paths)
    try:
        known = {run.data.tags["training"]: run for run in store.search("attributes.run_name LIKE '%'") if _ours(run)}
    except Exception as error:  # noqa: BLE001  # whatever a store raises is what is wrong with it
        # What SQLite does not take is half migrated, or no database of MLflow.
        fresh = "move it aside; sentiment-lab sync fills a new one from the folders"
        hint = store.hint(error) or (fresh if uri.startswith("sqlite:") else "name another with tracking.uri=")
        yield Finding("store", f"{uri} cannot be used: {told(error).split('. ')[0]}", hint)
        return
    yield from _mirrors(config, store, runs, known)


def _mirrors(config: Config, store: Store, runs: list[RunFolder], known: dict[str, Any]) -> Iterator[Finding]:
    folders = {str(started["training"]): run for run in runs if (started := run.started())}
    hashes = {run.short_hash for run in runs}
    for training, run in folders.items():
        if training not in known:
            problem, hint = f"run {run.short_hash} is not in {store.uri}: {run.path}", "is mirrored there"
            yield Finding("store", problem, hint, _syncer(config, store, run))
        elif known[training].info.status == "RUNNING" and not run.holder:
            problem = f"run {run.short_hash} is RUNNING in the store, but its process is dead: it is {run.state}"
            yield Finding("store", problem, "its true status is set", _syncer(config, store, run))
    for training, record in known.items():
        # On a server stand the runs of others, whose folders are elsewhere.
        ours = not store.is_server or record.data.tags.get("host") == socket.gethostname()
        if ours and training not in folders and record.info.lifecycle_stage == "active":
            yield from _without_folder(store, record, hashes)


def _without_folder(store: Store, record: Any, hashes: set[str]) -> Iterator[Finding]:
    short, run_id = record.data.tags["config_hash"][:12], record.info.run_id
    name = f"run {short} ({record.info.run_name}, MLflow {run_id})"
    if record.info.status == "RUNNING" and _silent(record):
        problem = f"{name} is RUNNING in the store, silent since {record.data.tags.get('heartbeat', 'its start')}"
        yield Finding("store", problem, "is set to KILLED", lambda: store.client.set_terminated(run_id, "KILLED"))
    elif "reproduces" not in record.data.tags and short not in hashes:
        yield Finding(
            "store", f"{name} has no folder here", f"sentiment-lab reproduce {short} makes one from the store"
        )


def _ours(run: Any) -> bool:
    return {"training", "config_hash"} <= set(run.data.tags)


def _silent(run: Any) -> bool:
    beat = run.data.tags.get("heartbeat")
    last = datetime.fromisoformat(beat) if beat else datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return datetime.now(UTC) - last > DEAD_AFTER


def _sqlite_problem(database: Path) -> str | None:
    """Tell what keeps a database from being written, or None."""
    try:
        with closing(sqlite3.connect(database, timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return None if answer == "ok" else f"is damaged: {answer}"
    except sqlite3.Error as error:
        return f"cannot be written: {error}"


def _syncer(config: Config, store: Store, run: RunFolder) -> Callable[[], None]:
    def sync() -> None:
        from sentiment_lab.tracking.run_mirror import catch_up

        catch_up(store, config.tracking, run, print_message)

    return sync


def _remover(path: Path) -> Callable[[], None]:
    def remove() -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return remove


def _complete_journal(run: RunFolder) -> None:
    run.journal.append("completed", weights_digest=run.result().weights_digest)


def _mend_journal(run: RunFolder) -> None:
    with run.locked():
        run.journal.repair()


def _broken(archive: Path) -> str | None:
    """Tell what keeps an archive from being read, or None. One that was packed anew is as good as the published one."""
    try:
        with gzip.open(archive) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        return str(error)
    return None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
