"""The file of a SQLite store, read without MLflow: whether it is usable, and where its artifacts are.

Artifacts are beside their store, also after its folder was copied, moved or renamed. MLflow records each location as an
absolute path, which then names the original or nothing; its client cannot change a location.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_OURS = "custom_model_development"
_UPDATES = (
    (
        "update experiments set artifact_location = ? || substr(artifact_location, ?)"
        " where substr(artifact_location, 1, ?) = ?"
    ),
    "update runs set artifact_uri = ? || substr(artifact_uri, ?) where substr(artifact_uri, 1, ?) = ?",
    (
        "update logged_models set artifact_location = ? || substr(artifact_location, ?)"
        " where substr(artifact_location, 1, ?) = ?"
    ),
    "update model_versions set source = ? || substr(source, ?) where substr(source, 1, ?) = ?",
    (
        "update model_versions set storage_location = ? || substr(storage_location, ?)"
        " where substr(storage_location, 1, ?) = ?"
    ),
)
"""Statements that replace the beginning of all locations: new beginning, position behind the old one, its length, it.
Locations on servers and in other folders stay."""
_HOLDS = """
select 1 from runs where run_uuid = ? and lifecycle_stage = 'active' and (
    not exists (select 1 from logged_models where source_run_id = run_uuid)
    or exists (select 1 from logged_models where source_run_id = run_uuid and lifecycle_stage = 'active')
)
"""
_TIMEOUT_SECONDS = 20.0
"""Seconds to wait for another process that writes, as MLflow does."""


def sqlite_problem(database: Path) -> str | None:
    """Return why a SQLite database cannot be used, such as "cannot be written: database is locked", or None."""
    try:
        with closing(sqlite3.connect(database, timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return None if answer == "ok" else f"is damaged: {answer}"
    except sqlite3.Error as error:
        return f"cannot be written: {error}"


def open_problem(database: Path) -> str | None:
    """Return why SQLite cannot open a database at all, or None; one that another process has locked can be opened."""
    try:
        with _read(database) as connection:
            connection.execute("select count(*) from sqlite_master")
    except sqlite3.Error as error:
        is_locked = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
        return None if is_locked else str(error)
    return None


def holds_run(database: Path, run_id: str) -> bool:
    """Return whether a store has a run that is not deleted, and its model if it ever had one."""
    try:
        with _read(database) as connection:
            return connection.execute(_HOLDS, (run_id,)).fetchone() is not None
    except sqlite3.Error:
        return False


def _read(database: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True))


def local_folder(location: str) -> Path | None:
    """Return the folder that a location names, None if it is not on this machine."""
    if location.startswith("file:"):
        return Path(url2pathname(urlsplit(location).path))
    return Path(location) if location.startswith("/") else None


def former_folders(database: Path) -> list[Path]:
    """Return the folders in which a store was when it recorded locations, other than the one where it is now.

    Empty for a database that is missing, unreadable or not one of MLflow.
    """
    try:
        with _read(database) as connection:
            return _former_folders(connection, database)
    except sqlite3.Error:
        return []


def relocate(database: Path) -> list[Path]:
    """Record the locations of a copied or moved store beside it, in one transaction; return its former folders.

    Raises sqlite3.Error if the database cannot be written; it is then unchanged.
    """
    with closing(sqlite3.connect(database, timeout=_TIMEOUT_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            former = _former_folders(connection, database)
            for folder in former:
                _rewrite(connection, folder, database.parent)
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
    return former


def _former_folders(connection: sqlite3.Connection, database: Path) -> list[Path]:
    """Return the folders beside whose `artifacts` this store must have been, by the experiments that we created."""
    rows = connection.execute(
        "select distinct e.experiment_id, e.artifact_location from experiments e join experiment_tags t"
        " on t.experiment_id = e.experiment_id and t.key = 'mlflow.experimentKind' and t.value = ?",
        (_OURS,),
    )
    folders = {folder for number, location in rows if (folder := _store_folder(str(location), str(number)))}
    return sorted(folder for folder in folders if _was_store(connection, folder, database))


def _store_folder(location: str, experiment: str) -> Path | None:
    """Return X for an experiment at X/artifacts, as we record it, or X/artifacts/ID, as our server does."""
    folder = local_folder(location)
    if folder and folder.name == experiment:
        folder = folder.parent
    return folder.parent if folder and folder.name == "artifacts" else None


def _was_store(connection: sqlite3.Connection, folder: Path, database: Path) -> bool:
    """Return whether a store was in `folder` before, rather than a person chose that folder for artifacts."""
    here = database.parent
    if folder == here or (folder.exists() and folder.samefile(here)):
        return False
    if not folder.exists() or (folder / database.name).exists():
        return True
    below = list(_below(connection, folder))
    return not below or any((here / path).exists() for path in below)


def _below(connection: sqlite3.Connection, folder: Path) -> Iterator[Path]:
    """Yield the artifact folders of runs and models in `folder`, relative to it."""
    for (location,) in connection.execute(
        "select artifact_uri from runs union all select artifact_location from logged_models"
    ):
        path = local_folder(str(location))
        if path and path.is_relative_to(folder):
            yield path.relative_to(folder)


def _rewrite(connection: sqlite3.Connection, folder: Path, here: Path) -> None:
    for before, after in ((f"{folder.as_uri()}/", f"{here.as_uri()}/"), (f"{folder}/", f"{here}/")):
        for update in _UPDATES:
            connection.execute(update, (after, len(before) + 1, len(before), before))
