"""Which MLflow store a run belongs into, and whether it is whole there: known without opening the store."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.settings import PathsConfig, TrackingConfig


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
