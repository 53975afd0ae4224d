"""Parsed corpora on disk, so that a source is read once.

A corpus has a folder of its own: the reviews without their texts, the texts, the texts without a label, and the digests
of these files. It is put in its place by one rename, and a file whose digest is not right counts as not there: what is
missing or damaged is built anew from the source.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from sentiment_lab.data.reviews import DataError, text_digest
from sentiment_lab.data.sources.source_data import Review, SourceData

FORMAT = 1
"""Raised with every change of the files or of how sources are read; corpora of another format are not used."""

REVIEWS, TEXTS, UNLABELLED = "reviews.parquet", "texts.parquet", "unlabelled.parquet"
_INDEX = "corpus.json"
_SCHEMA = pa.schema(
    [
        ("digest", pa.string()),
        ("label", pa.int8()),
        ("film", pa.string()),
        ("part", pa.string()),
        ("origin", pa.string()),
    ]
)


@dataclass(frozen=True)
class CachedCorpus:
    """One parsed corpus: its folder, and how its source is read when it has to be."""

    folder: Path
    read: Callable[[], SourceData]

    def table(self, name: str) -> pa.Table:
        """Return one of the tables, building the corpus first where it is not there whole.

        REVIEWS has the columns digest (of the text), label (int8), film, part, origin; TEXTS and UNLABELLED have text.
        Raises DataError as the source does, and where the cache folder cannot be written.
        """
        try:
            if self._content(name) is None:
                self._build()
            content = self._content(name)
        except OSError as error:
            raise DataError(f"{self.folder} cannot be written (paths.cache): {error.strerror or error}") from error
        if content is None:
            raise DataError(f"{self.folder / name} (paths.cache) does not read back as it was written")
        return pq.read_table(pa.BufferReader(content))

    def texts(self, name: str) -> list[str]:
        """Return the texts of TEXTS or UNLABELLED, in order."""
        texts: list[str] = self.table(name).column("text").to_pylist()
        return texts

    def _content(self, name: str) -> bytes | None:
        """Return the bytes of a file; None where it, or its right digest, is not there."""
        try:
            digest = json.loads((self.folder / _INDEX).read_bytes())["files"][name]
            content = (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def _build(self) -> None:
        reading = self.read()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.folder}.lock"):
            if any(self._content(name) is None for name in (REVIEWS, TEXTS, UNLABELLED)):
                self._write(reading)

    def _write(self, reading: SourceData) -> None:
        unfinished = self.folder.with_name(f"{self.folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
        unfinished.mkdir()
        try:
            _write_tables(unfinished, reading)
            shutil.rmtree(self.folder, ignore_errors=True)
            unfinished.rename(self.folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _write_tables(folder: Path, reading: SourceData) -> None:
    pq.write_table(pa.Table.from_pylist([_row(review) for review in reading.reviews], _SCHEMA), folder / REVIEWS)
    texts = {TEXTS: [review.text for review in reading.reviews], UNLABELLED: reading.unlabelled}
    for name, column in texts.items():
        pq.write_table(
            pa.table({"text": pa.array(column, pa.large_string())}),
            folder / name,
            compression="zstd",
            use_dictionary=False,
        )
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (REVIEWS, *texts)}
    index = {"format": FORMAT, "reviews": len(reading.reviews), "files": digests}
    (folder / _INDEX).write_text(json.dumps(index, indent=2) + "\n")


def _row(review: Review) -> dict[str, str | int | None]:
    return {
        "digest": text_digest(review.text),
        "label": review.label,
        "film": review.film,
        "part": review.part,
        "origin": review.origin,
    }
