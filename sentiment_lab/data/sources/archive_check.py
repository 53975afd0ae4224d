"""Checks of an archive: whether it is the published one, and whether it can be read to its end."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

from sentiment_lab.data.sources.download import MD5


def is_published(archive: Path) -> bool:
    """Whether a file has the MD5 of the published archive."""
    with archive.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == MD5


def read_problem(archive: Path) -> str | None:
    """Return why an archive cannot be read to its end, or None. A repacked archive is as good as the published one."""
    try:
        with gzip.open(archive) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        return str(error)
    return None
