"""Which MLflow store a run belongs into, and whether it is whole there: known without opening the store."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from sentiment_lab.config import PathsConfig, TrackingConfig
from sentiment_lab.errors import LabError
from sentiment_lab.files import read_plain, write_whole
from sentiment_lab.rundir import RunFolder

_MARK = "mirror.json"


class StoreAddressError(LabError):
    """An address of a store that is not used; the text says what to give instead."""


def store_uri(tracking: TrackingConfig, paths: PathsConfig) -> str:
    """Return the store that the config, then MLFLOW_TRACKING_URI, then `paths.store` names.

    Raises StoreAddressError for what is no address, and for one with a password: it is shown, and kept with the runs.
    """
    named, key = tracking.uri, "tracking.uri"
    if not named:
        named, key = os.environ.get("MLFLOW_TRACKING_URI"), "MLFLOW_TRACKING_URI"
    if not named:
        return local_uri(paths)
    return checked_address(named, key)


def checked_address(named: str, key: str) -> str:
    """Return an address that `key` names.

    Raises StoreAddressError as `store_uri` does.
    """
    if "://" not in named:
        raise StoreAddressError(f"{key} must be an address such as http://HOST:5000, got {named!r}")
    parts = urlsplit(named)
    if parts.password is not None:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        how = (
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD take them"
            if parts.scheme in ("http", "https")
            else "PGUSER and PGPASSWORD, or ~/.pgpass, take them"
        )
        raise StoreAddressError(f"{key} must hold no name and password, since it is shown and stored: {bare}; {how}")
    return named


def local_uri(paths: PathsConfig) -> str:
    """Return the store of this machine."""
    # Absolute, because SQLite paths would else follow the current folder.
    return f"sqlite:///{Path(paths.store).absolute() / 'mlflow.db'}"


def experiment_name(study: str) -> str:
    """Return the experiment of a study; a run without a study of its own honours MLFLOW_EXPERIMENT_NAME."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", study) if study == "default" else study


def is_mirrored(folder: RunFolder, uri: str) -> bool:
    """Tell whether a complete run was mirrored whole to this store."""
    return uri in _stores(folder)


def mark_mirrored(folder: RunFolder, uri: str, run_id: str) -> None:
    """Remember that a complete run was mirrored whole, beside the other stores that have it."""
    mark = {"training": _training(folder), "stores": {**_stores(folder), uri: run_id}}
    write_whole(folder.path / _MARK, json.dumps(mark) + "\n")


def _stores(folder: RunFolder) -> dict[str, str]:
    """Return the stores that have a run whole, and its id in each."""
    mark = read_plain(folder.path / _MARK)
    return dict(mark.get("stores", {})) if mark.get("training") == _training(folder) else {}


def _training(folder: RunFolder) -> str | None:
    """Return what tells this training from that of another run, or of the same config before --force."""
    started = folder.started()
    return str(started["training"]) if started else None
