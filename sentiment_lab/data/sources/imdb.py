"""The IMDB reviews in every supported form."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.archives import is_archive, read_archive, read_folder, upstream_folder
from sentiment_lab.data.sources.source_data import SourceData, checked

FORMS = (
    "aclImdb_v1.tar.gz (or .tar, .tar.bz2, .tar.xz, .zip), its folder aclImdb, a CSV (or compressed), a parquet file"
)
PUBLISHED = "063c82220ff68ea7cad7cbcd57dc7fe796d90809c31cc1a9782c1cc76c231f1f"
"""The data_hash of the 50,000 published labelled reviews, in whatever form they are stored."""


def read_imdb(path: Path, *, unlabelled: bool) -> SourceData:
    """Read the reviews of an archive, a folder or a table, whose forms are recognized by their content.

    Raises DataError naming the file, and the row or member where there is one, for all invalid content. `unlabelled`
    also reads the unlabelled reviews, which the archive and the folder have.
    """
    with _readable(path):
        return checked(_read(path, unlabelled), str(path))


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of path, size, modification time and inode: of the file, or of all files of a folder."""
    with _readable(path):
        lines = sorted(_stamps(path)) if path.is_dir() else [_stamp(str(path.resolve()), path.stat())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _read(path: Path, unlabelled: bool) -> SourceData:
    folder = upstream_folder(path)
    if folder is not None:
        return read_folder(folder, unlabelled=unlabelled)
    if is_archive(path):
        return read_archive(path, unlabelled=unlabelled)
    if unlabelled:
        raise DataError(
            f"data.unlabelled must be false for {path}: only the archive aclImdb_v1.tar.gz and its unpacked folder "
            "hold reviews without a label"
        )
    # Imported here because `plan` needs only the fingerprint of a file that it knows.
    from sentiment_lab.data.sources.tables import read_table

    return read_table(path)


def _stamps(folder: Path) -> Iterator[str]:
    folders = [str(folder.resolve())]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    yield _stamp(entry.path, entry.stat())


def _stamp(path: str, stat: os.stat_result) -> str:
    return f"{path}\t{stat.st_size}\t{stat.st_mtime_ns}\t{stat.st_ino}"
