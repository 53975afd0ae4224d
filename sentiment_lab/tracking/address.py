"""The address of the MLflow store of a config, known without opening the store."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import UNFINISHED
from sentiment_lab.config.settings import PathsConfig, TrackingConfig

SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///([^?]+)(\?.*)?", re.DOTALL)
_SERVER = re.compile(r"\w+://([^\s/@]*@)?([^\s/:@]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/\S*)?")
_LONGEST_NAME, _LONGEST_PATH = 255 - len(f"{UNFINISHED}-journal"), 512 - len(UNFINISHED)
"""Bytes that file systems and SQLite allow, less those of the temporary files beside a database."""


_LONGEST_EXPERIMENT = 500
"""Characters that MLflow allows."""


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
    """Return an address after checking it, that of a SQLite file with its absolute path; `key` names it in errors.

    Raises StoreAddressError as `store_uri` does.
    """
    scheme, separator, _ = named.partition("://")
    if not separator or (scheme in SERVERS and not _SERVER.fullmatch(named)):
        raise StoreAddressError(f"{key} must be an address such as http://HOST:5000, got {named!r}")
    database = scheme.partition("+")[0]
    if scheme not in SERVERS and database not in _DATABASES:
        known = ", ".join(f"{name}://" for name in (*SERVERS, *_DATABASES))
        raise StoreAddressError(f"{key} must begin with one of {known}, got {named!r}")
    if database == "sqlite":
        return _checked_sqlite(named, key)
    parts = urlsplit(named)
    if parts.password is not None:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        how = (
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            if scheme in SERVERS
            else "PGUSER and PGPASSWORD, or ~/.pgpass"
        )
        raise StoreAddressError(
            f"{key} must not hold a password, because it is printed and stored; use {bare} and {how}"
        )
    return named


def _checked_sqlite(named: str, key: str) -> str:
    found = _SQLITE.fullmatch(named)
    file = sqlite_file(named)
    if found is None or file is None or file.name == ":memory:" or found[1].startswith("file:"):
        raise StoreAddressError(f"{key} must name a file, such as sqlite:////home/me/mlflow.db, got {named!r}")
    return sqlite_address(file, key) + (found[2] or "")


def sqlite_address(file: Path, key: str) -> str:
    """Return the address of a SQLite file; `key` names it in errors.

    Raises StoreAddressError if the file cannot exist or MLflow would use another file.
    """
    path = str(file.absolute())  # a relative path would depend on the current folder
    if file.is_dir():
        raise StoreAddressError(f"{key}: {file} is a folder; a SQLite store is a file in it, such as {file}/mlflow.db")
    if len(os.fsencode(file.name)) > _LONGEST_NAME or len(os.fsencode(path)) > _LONGEST_PATH:
        limits = f"{_LONGEST_NAME} bytes in its name and {_LONGEST_PATH} in its path"
        raise StoreAddressError(f"{key}: {file} is too long; the file of a SQLite store may have {limits}")
    if "?" in path or unquote(path) != path:  # SQLAlchemy ends a path at `?`; it and MLflow decode `%20`, MLflow twice
        raise StoreAddressError(
            f"{key}: MLflow cannot use {path}, because it contains '?' or a code such as '%20'; "
            "rename the folder or file, or set another folder with paths.store=DIR"
        )
    return f"sqlite:///{path}"


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite address; None for any other address."""
    found = _SQLITE.fullmatch(uri)
    return Path(unquote(found[1])).absolute() if found else None


def local_uri(paths: PathsConfig) -> str:
    """Return the address of the local store.

    Raises StoreAddressError if MLflow cannot use its file.
    """
    return sqlite_address(Path(paths.store).absolute() / "mlflow.db", "paths.store")


def experiment_name(study: str) -> str:
    """Return the experiment of a study; for the default study, MLFLOW_EXPERIMENT_NAME if it is set.

    Raises StoreAddressError for a name that MLflow refuses.
    """
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or study if study == "default" else study
    if len(name) > _LONGEST_EXPERIMENT or not name.isprintable():
        rule = f"one line of at most {_LONGEST_EXPERIMENT} characters"
        raise StoreAddressError(f"MLFLOW_EXPERIMENT_NAME must be {rule}, got {name!r}")
    return name
