"""Parsed corpora in the cache, so that a source is read once: reviews without their texts, texts, unlabelled texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_lab.data.cache import CacheEntry
from sentiment_lab.data.reviews import text_digest
from sentiment_lab.data.sources.source_data import Review, SourceData

REVIEWS, TEXTS, UNLABELLED = "reviews.parquet", "texts.parquet", "unlabelled.parquet"
_IGNORED, _NOTES = b"ignored_files", b"notes"
_SCHEMA = pa.schema(
    [
        ("digest", pa.string()),
        ("label", pa.int8()),
        ("film", pa.string()),
        ("part", pa.string()),
        ("origin", pa.string()),
    ]
)


class CachedCorpus:
    """One parsed corpus; its source is read by `read` where the cache does not hold it."""

    def __init__(self, folder: Path, read: Callable[[], SourceData]) -> None:
        self._entry = CacheEntry(folder, (REVIEWS, TEXTS, UNLABELLED), read, _write_tables)

    def table(self, name: str) -> pa.Table:
        """Return one of the tables, which is built first where it is missing or damaged.

        REVIEWS has the columns digest (of the text), label (int8), film, part, origin; TEXTS and UNLABELLED have text.
        Raises DataError as the source does, and where the cache folder cannot be written.
        """
        return pq.read_table(pa.BufferReader(self._entry.content(name)))

    def texts(self, name: str) -> list[str]:
        """Return the texts of TEXTS or UNLABELLED, in order."""
        texts: list[str] = self.table(name).column("text").to_pylist()
        return texts


def ignored_files(reviews: pa.Table) -> int:
    """Return the number of files that lay among the data and were ignored, from the table REVIEWS."""
    return int((reviews.schema.metadata or {}).get(_IGNORED, 0))


def notes(reviews: pa.Table) -> tuple[str, ...]:
    """Return what the user should know about the data, from the table REVIEWS."""
    return tuple(json.loads((reviews.schema.metadata or {}).get(_NOTES, b"[]")))


def _write_tables(source: SourceData, folder: Path) -> None:
    schema = _SCHEMA.with_metadata({_IGNORED: str(source.ignored_files), _NOTES: json.dumps(source.notes)})
    pq.write_table(pa.Table.from_pylist([_row(review) for review in source.reviews], schema), folder / REVIEWS)
    for name, texts in ((TEXTS, [review.text for review in source.reviews]), (UNLABELLED, source.unlabelled)):
        table = pa.table({"text": pa.array(texts, pa.large_string())})
        pq.write_table(table, folder / name, compression="zstd", use_dictionary=False)


def _row(review: Review) -> dict[str, str | int | None]:
    return {
        "digest": text_digest(review.text),
        "label": review.label,
        "film": review.film,
        "part": review.part,
        "origin": review.origin,
    }
