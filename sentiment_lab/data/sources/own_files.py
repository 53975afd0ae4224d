"""The files that `data.path` of data=table names: a file, the files of a pattern, or a folder."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.settings import TableData
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.imdb import fingerprint
from sentiment_lab.data.tables.system_files import is_system_file


def find_files(path: str | None) -> list[Path]:
    """Return the file or the folder of this path, or the files of a pattern such as "part-*.csv", sorted.

    Raises DataError where there is none.
    """
    if path is None:
        raise DataError("data.path must be set to the file, the pattern or the folder of data=table, got null")
    place = Path(path).expanduser()
    if place.exists():
        return [place]
    if not glob.has_magic(path):
        near = [one.name for one in place.parent.glob("*")] if place.parent.is_dir() else []
        raise DataError(f"data.path names {path}, which does not exist{did_you_mean(place.name, near)}")
    matches = map(Path, sorted(glob.glob(str(place), recursive=True)))  # noqa: PTH207  # patterns may be absolute
    files = [file for file in matches if file.is_file() and not is_system_file(file.name)]
    if not files:
        raise DataError(f"data.path is the pattern {path}, which matches no file")
    return files


def reading_settings(data: TableData) -> dict[str, Any]:
    """Return the settings on which the texts depend that are read from the files, as plain data."""
    return {field.name: getattr(data, field.name) for field in fields(data) if field.metadata.get("pinned")}


def files_fingerprint(files: Sequence[Path]) -> str:
    """Return a SHA-256 that changes with the paths, sizes, times and inodes of files and of those in folders."""
    return hashlib.sha256("\n".join(map(fingerprint, files)).encode()).hexdigest()
