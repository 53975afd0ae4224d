"""Pinning `data.expect`: reviews of the user's own become part of a config, and so of its hash.

The hashes of a source are cached by its fingerprint. For a known file, this module reads no reviews and imports neither
Arrow nor pandas.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sentiment_lab.config.settings import DataConfig, GeneratedData, ImdbData
from sentiment_lab.data.cache import HASHES, CacheEntry, entry_folder
from sentiment_lab.data.reviews import check_expected
from sentiment_lab.data.sources.imdb import PUBLISHED, fingerprint
from sentiment_lab.data.sources.locate import find_local

_FILE = "data_hash.json"


def pin_data(data: DataConfig, cache: Path) -> DataConfig:
    """Return the settings with `expect` set to the data_hash of reviews that are neither published nor generated.

    With `limit`, `expect` is the hash of the reviews used. Where the published reviews would be downloaded, nothing is
    read. Raises DataError where the reviews cannot be found or read, there are fewer than `limit`, or their data_hash
    is not the `expect` that is set.
    """
    if isinstance(data, GeneratedData):
        return data if data.expect is None else _load_generated(data, cache)
    path = find_local(data.path, cache)
    if path is None:
        return data
    found = _read_hashes(data, path, cache)
    check_expected(data.expect, found.used, path)
    return data if data.expect or found.source == PUBLISHED else replace(data, expect=found.used)


@dataclass(frozen=True)
class _Hashes:
    """The data_hash of all reviews of a source, and of those that `data.limit` keeps."""

    source: str
    used: str


def _load_generated(data: GeneratedData, cache: Path) -> GeneratedData:
    from sentiment_lab.data.corpus import load_corpus

    load_corpus(data, cache)
    return data


def _read_hashes(data: ImdbData, path: Path, cache: Path) -> _Hashes:
    key = {"stamp": fingerprint(path), "unlabelled": data.unlabelled, "limit": data.limit}
    entry = CacheEntry(
        entry_folder(cache, HASHES, **key),
        (_FILE,),
        lambda: _compute_hashes(replace(data, path=str(path), expect=None), cache),
        lambda hashes, folder: _write(hashes, folder / _FILE),
    )
    return _Hashes(**json.loads(entry.content(_FILE)))


def _compute_hashes(data: ImdbData, cache: Path) -> _Hashes:
    from sentiment_lab.data.corpus import load_corpus

    source = load_corpus(replace(data, limit=None), cache).data_hash
    return _Hashes(source, source if data.limit is None else load_corpus(data, cache).data_hash)


def _write(hashes: _Hashes, file: Path) -> None:
    file.write_text(json.dumps(asdict(hashes)), encoding="utf-8")
