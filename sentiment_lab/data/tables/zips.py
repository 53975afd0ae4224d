"""The members of a zip file."""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.system_files import is_system_file

_TABLES = (".csv", ".tsv", ".tab", ".parquet", ".jsonl", ".ndjson", ".json")
"""Suffixes that identify the table among other files. A single file may have any name."""
_SHOWN = 10
"""Names in a message."""


def zip_members(source: str, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by name; raises DataError for a name outside of the zip's folder."""
    members = {}
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")  # as old versions of .NET write it
        if name.startswith("/") or ".." in name.split("/"):
            raise DataError(f"{source}, member {name}: its name is outside of the zip's folder")
        if not name.endswith("/"):
            members[name] = info
    return members


def open_member(source: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    """Open a member for reading; raises DataError where it has a password or an unknown compression."""
    try:
        return cast("BinaryIO", archive.open(info))
    except NotImplementedError as error:
        raise DataError(f"{source} cannot be unpacked: {error}") from error
    except RuntimeError as error:
        raise DataError(f"{source} is protected by a password; unpack it") from error


def only_table(source: str, archive: zipfile.ZipFile) -> tuple[str, zipfile.ZipInfo, int]:
    """Return name and entry of the one table in a zip, and the number of system files beside it.

    Raises DataError naming the tables where there are several, or the files where none is a table.
    """
    members = zip_members(source, archive)
    if "xl/workbook.xml" in members or "mimetype" in members:
        raise DataError(f"{source} is a spreadsheet (Excel or OpenDocument), not a table as text; export it as CSV")
    files = [name for name in members if not is_system_file(name)]
    tables = [name for name in files if _suffix(name) in _TABLES]
    if len(tables) > 1:
        raise DataError(f"{source} must contain one table, got {_listed(tables)}; unpack one")
    chosen = tables or files
    if len(chosen) != 1:
        raise DataError(f"{source} must contain one table ({', '.join(_TABLES)}), got {_listed(files) or 'no file'}")
    return chosen[0], members[chosen[0]], len(members) - len(files)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + more


def _suffix(name: str) -> str:
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in (".gz", ".bz2", ".xz", ".zst") else path.suffix
