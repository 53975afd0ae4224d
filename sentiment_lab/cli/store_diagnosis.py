"""The checks of `sentiment-lab doctor` of the MLflow store: its file, its runs, sweeps and registered models."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.finding import Finding
from sentiment_lab.config.identity import SHORT
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.sweep_records import SweepRecord, list_sweeps
from sentiment_lab.tracking.address import experiment_name, sqlite_file, store_uri

if TYPE_CHECKING:
    from sentiment_lab.tracking.health import BrokenVersion, StoredRun
    from sentiment_lab.tracking.store import DeletedError, Store

DEAD_AFTER = timedelta(minutes=5)
"""Age of the last heartbeat of a run on another machine after which the run counts as dead."""


def check_store(config: Config, runs: Sequence[RunFolder]) -> Iterator[Finding]:
    """Check the store of a config, and compare it with the run folders and the sweeps."""
    from sentiment_lab.tracking.store import open_store, summary

    uri = store_uri(config.tracking, config.paths)
    database = sqlite_file(uri)
    if database:
        unusable = _check_database(config, database, len(runs))
        if unusable or not database.is_file():
            yield from filter(None, [unusable])
            return
    store = open_store(config.tracking, config.paths)
    try:
        findings = [*_check_runs(config, store, runs), *_check_versions(store)]
    except Exception as error:  # noqa: BLE001  # stores raise errors of many kinds
        # An intact SQLite file that MLflow refuses is half migrated, or is not a database of MLflow.
        recreate = "move it aside; sentiment-lab sync creates a new one from the run folders"
        hint = store.hint(error) or (recreate if database else "set another with tracking.uri=URI")
        yield Finding("store", f"{uri} cannot be used: {summary(error).split('. ')[0]}", hint)
        return
    yield from findings


def _check_database(config: Config, database: Path, runs: int) -> Finding | None:
    from sentiment_lab.tracking.database import former_folders, sqlite_problem
    from sentiment_lab.tracking.store import open_store

    if not database.is_file():
        problem = f"{database} does not exist, but there are {runs} runs"
        return Finding("store", problem, "sentiment-lab sync creates it") if runs else None
    if unusable := sqlite_problem(database):
        hint = "end the process that locks it, or move it aside: sentiment-lab sync creates it from the run folders"
        return Finding("store", f"{database} {unusable}", hint)
    if former := former_folders(database):
        where = ", ".join(map(str, former))
        problem = f"{database} was copied or moved: its artifacts are recorded in {where}"
        return Finding(
            "store", problem, f"records them in {database.parent}", open_store(config.tracking, config.paths).prepare
        )
    return None


def _check_runs(config: Config, store: Store, runs: Sequence[RunFolder]) -> Iterator[Finding]:
    """Compare run folders with the runs of the store, both identified by their training."""
    from sentiment_lab.tracking.health import stored_runs

    stored = stored_runs(store)
    folders = {str(started["training"]): run for run in runs if (started := run.started())}
    yield from _check_deleted(stored, folders)
    for training, run in folders.items():
        records = [record for record in stored if record.training == training]
        if not any(record.deleted for record in records[:1]):
            yield from _check_mirror(config, store, run, records)
    yield from _check_sweeps(config, store, {record.sweep for record in stored})
    hashes = {run.short_hash for run in runs}
    for record in stored:
        # A server also has runs of other machines, whose folders are there.
        own = not store.is_server or record.host == socket.gethostname()
        if own and record.training and record.training not in folders and not record.deleted:
            yield from _check_without_folder(store, record, hashes)


def _check_deleted(stored: Sequence[StoredRun], folders: dict[str, RunFolder]) -> Iterator[Finding]:
    """Yield what a user deleted in MLflow and what still exists here; an experiment once for all its runs."""
    active = {record.training or record.sweep for record in stored if not record.deleted}
    found: dict[str, Finding] = {}
    for record in stored:
        here = record.training in folders or (record.sweep and not record.training)
        if record.deleted and here and (record.training or record.sweep) not in active:
            folder = folders[record.training].path if record.training in folders else None
            found.setdefault(record.deleted.problem, _deleted_finding(record.deleted, folder))
    yield from found.values()


def _deleted_finding(deleted: DeletedError, folder: Path | None) -> Finding:
    other = f", or remove {folder}" if folder and not deleted.experiment else ""
    return Finding("store", deleted.problem, f"{deleted.hint}{other}")


def _check_mirror(config: Config, store: Store, run: RunFolder, records: Sequence[StoredRun]) -> Iterator[Finding]:
    """Check the active records of a run folder."""
    sync = partial(_sync_run, config, store, run)
    active = [record for record in records if not record.deleted]
    if not active:
        yield _unmirrored_finding(store, run, sync)
        return
    if active[0].status == "RUNNING" and not run.holder:
        problem = f"run {run.short_hash} is RUNNING in the store, but its process is dead: it is {run.state}"
        yield Finding("store", problem, "sets its true status", sync)
    if active[0].missing:
        yield Finding("store", f"run {run.short_hash} in {store.uri}: {active[0].missing}", "mirrors it again", sync)
    if len(active) > 1:
        ids = ", ".join(record.run_id for record in active)
        hint = "delete all but one in MLflow"
        yield Finding("store", f"run {run.short_hash} is in {store.uri} {len(active)} times: {ids}", hint)


def _unmirrored_finding(store: Store, run: RunFolder, sync: partial[None]) -> Finding:
    problem = f"run {run.short_hash} is not in {store.uri}: {run.path}"
    started = run.started() or {}
    deleted = store.deleted_experiment(experiment_name(str(started["study"])))
    if deleted:
        return Finding("store", problem, str(deleted))
    return Finding("store", problem, "mirrors it", sync)


def _check_without_folder(store: Store, record: StoredRun, hashes: set[str]) -> Iterator[Finding]:
    from sentiment_lab.tracking.health import mark_killed

    short = str(record.config_hash)[:SHORT]
    name = f"run {short} ({record.name}, MLflow {record.run_id})"
    if record.status == "RUNNING" and datetime.now(UTC) - record.last_seen > DEAD_AFTER:
        problem = f"{name} is RUNNING in the store, but without a heartbeat since {record.heartbeat or 'its start'}"
        yield Finding("store", problem, "sets it to KILLED", partial(mark_killed, store, record))
    elif not record.is_reproduction and short not in hashes:
        hint = f"sentiment-lab reproduce {short} repeats it from the store"
        yield Finding("store", f"{name} has no folder here", hint)


def _check_sweeps(config: Config, store: Store, known: set[str | None]) -> Iterator[Finding]:
    """Yield the sweeps whose parent run the store lacks; those with a job in training mirror themselves."""
    from sentiment_lab.cli.sync import sync_sweep

    root = Path(config.paths.runs).absolute()
    for folder in list_sweeps(config.paths.store):
        try:
            record = SweepRecord.read(folder)
        except LabError as error:
            yield Finding("runs", str(error), f"rerun the command of the sweep, or remove {folder}")
            continue
        if record.hash not in known and not any(run.holder for _, run in record.runs(root)):
            problem = f"sweep {record.hash} ({record.name}) is not in {store.uri}"
            deleted = store.deleted_experiment(experiment_name(record.study))
            hint = str(deleted) if deleted else "mirrors it"
            yield Finding("store", problem, hint, None if deleted else partial(sync_sweep, config, store, folder))


def _check_versions(store: Store) -> Iterator[Finding]:
    """Yield the registered versions of a local store that cannot be loaded; those of a server may be others'."""
    from sentiment_lab.tracking.health import broken_versions

    for version in broken_versions(store) if store.file else ():
        named = f"version {version.version} of the registered model {version.name}"
        yield Finding("store", f"{named} cannot be loaded: {version.problem}", _version_hint(version))


def _version_hint(version: BrokenVersion) -> str:
    if not version.aliases or version.config_hash is None:
        return "delete the version in MLflow"
    words = f"sentiment-lab promote {version.config_hash[:SHORT]} --as {version.aliases[0]} --name {version.name}"
    return f"{words} registers the model again; then delete this version in MLflow"


def _sync_run(config: Config, store: Store, run: RunFolder) -> None:
    from sentiment_lab.tracking.run_mirror import catch_up

    catch_up(store, config.tracking, run, print_message)
