"""Reviews in a table, such as the Kaggle CSV.

Columns: `review` (text) and `sentiment` (positive or negative); `film` (text) and `part` (train or test) are optional
and may be empty. Other columns are ignored. The case of names and labels, and spaces around them, have no meaning. The
reviews keep the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.source_data import LABELS, Review, SourceData, checked_text
from sentiment_lab.data.tables.header import shortened
from sentiment_lab.data.tables.reader import Table, open_table

_NEEDED = ("review", "sentiment")
_OPTIONAL = ("film", "part")
_PARTS = ("train", "test")


def read_table(path: Path) -> SourceData:
    """Read the reviews of a table in any form of `open_table`; raises DataError naming the file and the row."""
    hint = "; rename the columns of the texts and their labels so"
    with open_table(path, _NEEDED, text=_NEEDED + _OPTIONAL, hint=hint) as table:
        return SourceData(list(_reviews(table)), [], table.ignored_files)


def _reviews(table: Table) -> Iterator[Review]:
    text, sentiment, film, part = map(table.column, _NEEDED + _OPTIONAL)
    for row in table.rows:
        yield _review(table.source, row.origin, text(row), sentiment(row), film(row).strip(), part(row).strip())


def _review(source: str, origin: str, text: str, sentiment: str, film: str, part: str) -> Review:
    checked = checked_text(text, source, origin)
    label = LABELS.get(sentiment.strip().lower())
    if label is None:
        raise DataError(f"{source}, {origin}: sentiment must be {' or '.join(LABELS)}, got {shortened(sentiment)}")
    if part and part.lower() not in _PARTS:
        raise DataError(f"{source}, {origin}: part must be {' or '.join(_PARTS)} or empty, got {shortened(part)}")
    return Review(checked, label, origin, film or None, part.lower() or None)
