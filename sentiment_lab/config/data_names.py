"""Short names of data files, for the names of variants that differ in their data."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePath
from typing import NamedTuple

from sentiment_lab.config.identity import sha256_hex
from sentiment_lab.config.settings import Config, GeneratedData

PUBLISHED, GENERATED = "imdb", "generated"
"""Values of `data.source`; the first also names the published reviews beside files of the user's own."""
_DIGITS = 8


class DataFile(NamedTuple):
    """Reviews of the user's own."""

    content: str
    """Their `content_hash`."""
    path: str
    limit: int | None
    """How many of the file's reviews are used; None for all."""

    @classmethod
    def of(cls, config: Config) -> DataFile | None:
        """Return the reviews of a config; None for generated reviews, and for the published ones."""
        data = config.data
        if isinstance(data, GeneratedData) or data.expect is None:
            return None
        return cls(content_hash(data.expect, data.expect_parts), data.path or PUBLISHED, data.limit)


def content_hash(expect: str, parts: str | None) -> str:
    """Return one hash for the data_hash of reviews and the hash of their parts, if they have any."""
    return expect if parts is None else sha256_hex(f"{expect} {parts}")


def name_files(files: Collection[DataFile]) -> dict[str, str]:
    """Return a name for each content: as much of the end of its path as no other file has, such as "a.csv".

    Digits of the hash are added where one file had different reviews at different times, and for reviews found without
    a path: "a.csv@1a2b3c4d".
    """
    paths = {file.path for file in files}
    contents: dict[tuple[str, int | None], set[str]] = {}
    for file in files:
        contents.setdefault((file.path, file.limit), set()).add(file.content)
    return {
        file.content: _own_end(file.path, paths)
        + (f"@{file.content[:_DIGITS]}" if len(contents[file.path, file.limit]) > 1 or file.path == PUBLISHED else "")
        for file in files
    }


def _own_end(path: str, paths: Collection[str]) -> str:
    parts = PurePath(path).parts
    for count in range(1, len(parts)):
        if sum(PurePath(other).parts[-count:] == parts[-count:] for other in paths) == 1:
            return "/".join(parts[-count:])
    return path
