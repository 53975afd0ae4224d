"""Marks in a run folder: which stores have the complete run."""

from __future__ import annotations

import json

from sentiment_lab.base.files import atomic_write, read_plain
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.tracking.address import sqlite_file
from sentiment_lab.tracking.database import holds_run

_MARK = "mirror.json"


def is_mirrored(folder: RunFolder, uri: str) -> bool:
    """Return whether a complete run was fully mirrored to this store; a SQLite store must still have it."""
    run_id, database = _stores(folder).get(uri), sqlite_file(uri)
    return run_id is not None and (database is None or holds_run(database, run_id))


def mark_mirrored(folder: RunFolder, uri: str, run_id: str) -> None:
    """Record that a complete run was fully mirrored to this store, in addition to other stores."""
    mark = {"training": _training(folder), "stores": {**_stores(folder), uri: run_id}}
    atomic_write(folder.path / _MARK, json.dumps(mark) + "\n")


def _stores(folder: RunFolder) -> dict[str, str]:
    """Return the run's id in each store that has it completely, by address."""
    mark = read_plain(folder.path / _MARK)
    return dict(mark.get("stores", {})) if mark.get("training") == _training(folder) else {}


def _training(folder: RunFolder) -> str | None:
    """Return the id of this training, which differs for another run and after --force."""
    started = folder.started()
    return str(started["training"]) if started else None
