"""The corpus of a config: located, read or generated, cached, limited, and checked against `data.expect`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lab.config.settings import DataConfig, GeneratedData, ImdbData, TableData
from sentiment_lab.data.cache import CORPORA, entry_folder
from sentiment_lab.data.corpus_cache import REVIEWS, TEXTS, UNLABELLED, CachedCorpus, ignored_files, notes
from sentiment_lab.data.reviews import (
    NEGATIVE,
    POSITIVE,
    Corpus,
    DataError,
    check_expected,
    data_hash,
    parts_hash,
    review_ids,
)
from sentiment_lab.data.sources.imdb import fingerprint, read_imdb
from sentiment_lab.data.sources.locate import locate
from sentiment_lab.data.sources.own_files import files_fingerprint, find_files, reading_settings
from sentiment_lab.data.sources.own_texts import read_own_texts
from sentiment_lab.data.sources.source_data import SourceData
from sentiment_lab.data.split import GROUP
from sentiment_lab.data.synthetic.generator import read_generated
from sentiment_lab.data.synthetic.grammar import GRAMMAR_VERSION


def load_corpus(data: DataConfig, cache: Path, *, may_download: bool = True) -> Corpus:
    """Load the reviews of a config, from the cache of parsed corpora where it holds them.

    Raises DataError where the reviews cannot be found or read, where there are fewer than `data.limit`, and where
    their data_hash is not `data.expect`.
    """
    if isinstance(data, TableData):
        return _own_corpus(data, cache)
    if isinstance(data, GeneratedData):
        source = "the generated corpus"
        corpus = _corpus("generated", _cached_generated(data, cache), None, source)
    else:
        source = str(locate(data.path, cache, may_download=may_download))
        corpus = _corpus("imdb", _cached_imdb(data, Path(source), cache), data.limit, source)
    check_expected(data.expect, corpus.data_hash, source)
    if isinstance(data, ImdbData) and data.expect_parts is not None:
        check_expected(data.expect_parts, parts_hash(corpus.reviews), f"{source} with their parts and films")
    return corpus


def _own_corpus(data: TableData, cache: Path) -> Corpus:
    corpus = _corpus("table", _cached_own(data, cache), data.limit, str(data.path), balanced=False)
    check_expected(data.expect, corpus.data_hash, data.path)
    if data.expect_parts is not None:
        check_expected(data.expect_parts, parts_hash(corpus.reviews), f"{data.path} with their parts and groups")
    if data.group_column is not None:
        corpus.reviews[GROUP] = corpus.reviews["film"]
    return corpus


def _cached_imdb(data: ImdbData, path: Path, cache: Path) -> CachedCorpus:
    stamp = fingerprint(path)

    def read() -> SourceData:
        source = read_imdb(path, unlabelled=data.unlabelled)
        _check_unchanged(stamp, fingerprint(path), path)
        return source

    return CachedCorpus(entry_folder(cache, CORPORA, source="imdb", stamp=stamp, unlabelled=data.unlabelled), read)


def _cached_own(data: TableData, cache: Path) -> CachedCorpus:
    files = find_files(data.path)
    stamp = files_fingerprint(files)

    def read() -> SourceData:
        source = read_own_texts(files, data)
        _check_unchanged(stamp, files_fingerprint(files), data.path)
        return source

    return CachedCorpus(entry_folder(cache, CORPORA, source="table", stamp=stamp, **reading_settings(data)), read)


def _check_unchanged(before: str, after: str, path: object) -> None:
    if before != after:
        raise DataError(f"{path} changed while it was being read; rerun the command when no process is writing to it")


def _cached_generated(data: GeneratedData, cache: Path) -> CachedCorpus:
    settings = dataclasses.asdict(data)
    del settings["expect"]
    folder = entry_folder(cache, CORPORA, grammar=GRAMMAR_VERSION, **settings)
    return CachedCorpus(folder, lambda: read_generated(data))


def _corpus(name: str, cached: CachedCorpus, limit: int | None, source: str, *, balanced: bool = True) -> Corpus:
    table = cached.table(REVIEWS)
    reviews: pd.DataFrame = table.to_pandas()
    rows = np.arange(len(reviews)) if limit is None else _limited(reviews, limit, source, balanced)
    reviews = reviews.iloc[rows].reset_index(drop=True)
    digests = reviews.pop("digest").tolist()
    reviews.insert(0, "id", review_ids(digests))
    return Corpus(
        name=name,
        reviews=reviews,
        data_hash=data_hash(digests, reviews["label"]),
        load_texts=lambda: _texts(cached, rows),
        load_unlabelled=lambda: cached.texts(UNLABELLED),
        ignored_files=ignored_files(table),
        notes=notes(table),
    )


def _texts(cached: CachedCorpus, rows: NDArray[np.int64]) -> list[str]:
    texts = cached.texts(TEXTS)
    return texts if len(rows) == len(texts) else [texts[row] for row in rows]


def _limited(reviews: pd.DataFrame, limit: int, source: str, balanced: bool) -> NDArray[np.int64]:
    """Return the rows of `limit` reviews: those with the lowest digests.

    They are half of each label as far as there are, or have the share of each label without `balanced`.
    """
    if limit > len(reviews):
        raise DataError(f"data.limit must be at most {len(reviews)}, the labelled reviews of {source}, got {limit}")
    by_digest = reviews["digest"].argsort(kind="stable").to_numpy()
    labels = reviews["label"].to_numpy()[by_digest]
    negative, positive = by_digest[labels == NEGATIVE], by_digest[labels == POSITIVE]
    if balanced:
        positives = min(len(positive), limit - min(len(negative), limit // 2))
    else:
        positives = min(max(round(limit * len(positive) / len(reviews)), 1), limit - 1)
    return np.sort(np.concatenate([positive[:positives], negative[: limit - positives]]))
