"""The location of the IMDB reviews: a given path, the usual places, or the upstream server."""

from __future__ import annotations

import os
from pathlib import Path

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.archives import upstream_folder
from sentiment_lab.data.sources.download import ARCHIVE, VARIABLE, WAYS, download
from sentiment_lab.data.sources.imdb import FORMS
from sentiment_lab.data.tables.system_files import is_system_file

_REPACKED = [
    f"{name}{suffix}"
    for name in ("aclImdb_v1", "aclImdb")
    for suffix in (".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz", ".zip")
]
_TABLES = (".csv", ".tsv", ".parquet")
_KAGGLE = [f"IMDB Dataset.csv{suffix}" for suffix in ("", ".zip", ".gz", ".bz2", ".xz")]


def locate(path: str | None, cache: Path, *, may_download: bool = True) -> Path:
    """Return the file or folder to read: `path`, that of SENTIMENT_LAB_DATA, that in the cache, or a download.

    A folder may be the unpacked archive or contain it, the archive, the Kaggle file or a parquet file.

    Raises DataError with the three ways to get the data where a named place does not exist or has none of the forms,
    and where the download fails or is not allowed.
    """
    found = find_local(path, cache)
    if found is None and not may_download:
        raise DataError(f"the reviews are not in {cache}; `sentiment-lab data fetch` downloads them. {WAYS}")
    return found or download(cache)


def find_local(path: str | None, cache: Path) -> Path | None:
    """Return what `locate` returns without a download; None where it would download the published archive.

    Raises DataError where a named place does not exist or has none of the forms.
    """
    if path is not None:
        return _named(Path(path).expanduser(), "data.path")
    if place := os.environ.get(VARIABLE):
        return _named(Path(place).expanduser(), VARIABLE)
    return _inside(cache)


def _named(place: Path, named_by: str) -> Path:
    if not place.exists():
        raise DataError(f"{named_by} names {place}, which does not exist. {WAYS}")
    source = _inside(place) if place.is_dir() else place
    if source is None:
        raise DataError(f"{named_by} names the folder {place}, which has none of these: {FORMS}. {WAYS}")
    return source


def _inside(folder: Path) -> Path | None:
    if (unpacked := upstream_folder(folder)) is not None:
        return unpacked
    for name in (ARCHIVE, *_REPACKED, *_KAGGLE):
        if (folder / name).is_file():
            return folder / name
    files = [path for ending in _TABLES for path in folder.glob(f"*{ending}")]
    tables = sorted(path for path in files if not is_system_file(path.name))
    if len(tables) > 1:
        raise DataError(f"{folder} has {len(tables)} tables; name the one to read, such as {tables[0]}")
    return tables[0] if tables else None
