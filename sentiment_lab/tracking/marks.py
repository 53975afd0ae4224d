"""Marks in a run folder: which stores have the complete run."""

from __future__ import annotations

import json

from sentiment_lab.base.files import atomic_write, read_plain
from sentiment_lab.runs.folder import RunFolder

_MARK = "mirror.json"


def is_mirrored(folder: RunFolder, uri: str) -> bool:
    """Return whether a complete run was fully mirrored to this store."""
    return uri in _stores(folder)


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
