"""Which stores hold a complete run, recorded in its folder."""

from __future__ import annotations

import json

from sentiment_lab.base.files import atomic_write, read_plain
from sentiment_lab.runs.folder import RunFolder

_MARK = "mirror.json"


def is_mirrored(folder: RunFolder, uri: str) -> bool:
    """Tell whether a complete run was mirrored whole to this store."""
    return uri in _stores(folder)


def mark_mirrored(folder: RunFolder, uri: str, run_id: str) -> None:
    """Remember that a complete run was mirrored whole, beside the other stores that have it."""
    mark = {"training": _training(folder), "stores": {**_stores(folder), uri: run_id}}
    atomic_write(folder.path / _MARK, json.dumps(mark) + "\n")


def _stores(folder: RunFolder) -> dict[str, str]:
    """Return the stores that have a run whole, and its id in each."""
    mark = read_plain(folder.path / _MARK)
    return dict(mark.get("stores", {})) if mark.get("training") == _training(folder) else {}


def _training(folder: RunFolder) -> str | None:
    """Return what tells this training from that of another run, or of the same config before --force."""
    started = folder.started()
    return str(started["training"]) if started else None
