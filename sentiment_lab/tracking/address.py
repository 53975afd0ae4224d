"""The address of the MLflow store of a config, known without opening the store."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.settings import PathsConfig, TrackingConfig


class StoreAddressError(LabError):
    """An invalid address of a store; the text names what to use instead."""


def store_uri(tracking: TrackingConfig, paths: PathsConfig) -> str:
    """Return the store named by `tracking.uri`, else by MLFLOW_TRACKING_URI, else by `paths.store`.

    Raises StoreAddressError for an invalid address and for one with a password: addresses are printed and stored.
    """
    named, key = tracking.uri, "tracking.uri"
    if not named:
        named, key = os.environ.get("MLFLOW_TRACKING_URI"), "MLFLOW_TRACKING_URI"
    if not named:
        return local_uri(paths)
    return checked_address(named, key)


def checked_address(named: str, key: str) -> str:
    """Return an address after checking it; `key` names it in errors.

    Raises StoreAddressError as `store_uri` does.
    """
    if "://" not in named:
        raise StoreAddressError(f"{key} must be an address such as http://HOST:5000, got {named!r}")
    parts = urlsplit(named)
    if parts.password is not None:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        how = (
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            if parts.scheme in ("http", "https")
            else "PGUSER and PGPASSWORD, or ~/.pgpass"
        )
        raise StoreAddressError(
            f"{key} must not hold a password, because it is printed and stored; use {bare} and {how}"
        )
    return named


def local_uri(paths: PathsConfig) -> str:
    """Return the address of the local store."""
    # Absolute, because a relative SQLite path would depend on the current folder.
    return f"sqlite:///{Path(paths.store).absolute() / 'mlflow.db'}"


def experiment_name(study: str) -> str:
    """Return the experiment of a study; for the default study, MLFLOW_EXPERIMENT_NAME if it is set."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", study) if study == "default" else study
