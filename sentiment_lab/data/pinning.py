"""Pinning `data.expect`: reviews of the user's own become part of a config, and so of its hash.

The hashes of a source are cached by its fingerprint. For a known file, this module reads no reviews and imports neither
Arrow nor pandas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sentiment_lab.base.console import print_message
from sentiment_lab.config.settings import DataConfig, GeneratedData, ImdbData, TableData
from sentiment_lab.data.cache import HASHES, CacheEntry, entry_folder
from sentiment_lab.data.reviews import check_expected, parts_hash
from sentiment_lab.data.sources.imdb import PUBLISHED, fingerprint
from sentiment_lab.data.sources.locate import find_local
from sentiment_lab.data.sources.own_files import files_fingerprint, find_files, reading_settings

_FILE = "data_hash.json"


def pin_data(data: DataConfig, cache: Path) -> DataConfig:
    """Return the settings with `expect` and `expect_parts` set for reviews that are neither published nor generated.

    With `limit`, `expect` is the hash of the reviews used. Where the published reviews would be downloaded, nothing is
    read. Raises DataError where the reviews cannot be found or read, there are fewer than `limit`, or their data_hash
    is not the `expect` that is set.
    """
    if isinstance(data, GeneratedData):
        return data if data.expect is None else _load_generated(data, cache)
    if isinstance(data, TableData):
        return _pin_own(data, cache)
    path = find_local(data.path, cache)
    if path is None:
        return data
    found = _read_hashes(data, path, cache)
    check_expected(data.expect, found.used, path)
    if data.expect_parts is not None:
        check_expected(data.expect_parts, found.parts, f"{path} with their parts and films")
    return data if found.source == PUBLISHED else replace(data, expect=found.used, expect_parts=found.parts)


@dataclass(frozen=True)
class _Hashes:
    """The data_hash of all reviews of a source, and of those that `data.limit` keeps."""

    source: str
    used: str
    parts: str | None = None
    """The hash of parts and films (or groups) of the reviews used."""
    notes: Sequence[str] = ()
    """Of data=table: what was dropped, and other facts that the user should know."""


def _pin_own(data: TableData, cache: Path) -> TableData:
    stamp = files_fingerprint(find_files(data.path))
    key = {"source": data.source, "stamp": stamp, "limit": data.limit, **reading_settings(data)}
    found = _cached_hashes(key, lambda: _compute_own(replace(data, expect=None, expect_parts=None), cache), cache)
    check_expected(data.expect, found.used, data.path)
    if data.expect_parts is not None:
        check_expected(data.expect_parts, found.parts, f"{data.path} with their parts and groups")
    for note in found.notes:
        print_message(f"{data.path}: {note}")
    return replace(data, expect=found.used, expect_parts=found.parts)


def _compute_own(data: TableData, cache: Path) -> _Hashes:
    from sentiment_lab.data.corpus import load_corpus

    corpus = load_corpus(data, cache)
    return _Hashes(data.source, corpus.data_hash, parts_hash(corpus.reviews), corpus.notes)


def _load_generated(data: GeneratedData, cache: Path) -> GeneratedData:
    from sentiment_lab.data.corpus import load_corpus

    load_corpus(data, cache)
    return data


def _read_hashes(data: ImdbData, path: Path, cache: Path) -> _Hashes:
    key = {"source": data.source, "stamp": fingerprint(path), "unlabelled": data.unlabelled, "limit": data.limit}
    plain = replace(data, path=str(path), expect=None, expect_parts=None)
    return _cached_hashes(key, lambda: _compute_hashes(plain, cache), cache)


def _cached_hashes(key: dict[str, Any], compute: Callable[[], _Hashes], cache: Path) -> _Hashes:
    entry = CacheEntry(
        entry_folder(cache, HASHES, **key),
        (_FILE,),
        compute,
        lambda hashes, folder: _write(hashes, folder / _FILE),
    )
    return _Hashes(**json.loads(entry.content(_FILE)))


def _compute_hashes(data: ImdbData, cache: Path) -> _Hashes:
    from sentiment_lab.data.corpus import load_corpus

    used = load_corpus(data, cache)
    source = used if data.limit is None else load_corpus(replace(data, limit=None), cache)
    return _Hashes(source.data_hash, used.data_hash, parts_hash(used.reviews))


def _write(hashes: _Hashes, file: Path) -> None:
    file.write_text(json.dumps(asdict(hashes)), encoding="utf-8")
