"""Reviews in a table: the Kaggle CSV, the same in a zip, and parquet.

Columns: `review` (text) and `sentiment` (positive or negative); `film` (text) and `part` (train or test) are optional
and may be empty. Other columns are ignored. The reviews keep the order of the file.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_lab.base.suggestions import nearest
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.source_data import LABELS, Review, SourceData, checked_text

_NEEDED = ("review", "sentiment")
_OPTIONAL = ("film", "part")
_PARTS = ("train", "test")


def read_csv(path: Path) -> SourceData:
    """Read a CSV with a header line, in UTF-8. Raises DataError naming the file, and the row where there is one."""
    with path.open("rb") as stream:
        return SourceData(list(_csv_reviews(path, stream)), [])


def read_zip(path: Path) -> SourceData:
    """Read the one CSV inside a zip. Raises DataError as `read_csv` does, and for a damaged zip."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_only_csv(path, archive)) as stream:
            return SourceData(list(_csv_reviews(path, stream)), [])
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is not a complete zip file: {error}") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's errors for a password and an unknown compression
        raise DataError(f"{path} cannot be unpacked: {error}") from error


def read_parquet(path: Path) -> SourceData:
    """Read a parquet file. Raises DataError naming the file, and the row (the first is 1) where there is one."""
    with _parquet_errors(path):
        names = pq.read_schema(path).names
        _check_columns(path, names)
        table = pq.read_table(path, columns=[name for name in names if name in _NEEDED + _OPTIONAL])
    columns = [_strings(path, table, name) for name in _NEEDED + _OPTIONAL]
    rows = zip(*columns, strict=True)
    return SourceData([_review(path, f"row {number}", *row) for number, row in enumerate(rows, start=1)], [])


def _only_csv(path: Path, archive: zipfile.ZipFile) -> str:
    for name in archive.namelist():
        if name.startswith("/") or ".." in name.split("/"):
            raise DataError(f"{path}, member {name}: its name is outside of the zip's folder")
    names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
    if len(names) != 1:
        raise DataError(f"{path} must contain one CSV file, got {', '.join(names) or 'none'}")
    return names[0]


def _csv_reviews(path: Path, stream: IO[bytes]) -> Iterator[Review]:
    # surrogateescape lets the reader reach the row with the bad byte, so that the error can name it.
    with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        rows = csv.reader(text, strict=True)
        number = 1
        try:
            header = next(rows, None)
            if header is None:
                raise DataError(f"{path} is empty")
            _check_columns(path, header)
            for number, cells in enumerate(rows, start=2):
                yield _csv_review(path, f"row {number} (line {rows.line_num})", header, cells)
        except csv.Error as error:
            raise DataError(f"{path}, row {number + 1} (line {rows.line_num}): {error}") from error


def _csv_review(path: Path, origin: str, header: Sequence[str], cells: Sequence[str]) -> Review:
    if len(cells) != len(header):
        raise DataError(f"{path}, {origin}: must have {len(header)} columns, got {len(cells)}")
    for name, cell in zip(header, cells, strict=True):
        if not cell.isascii() and any("\udc80" <= letter <= "\udcff" for letter in cell):
            raise DataError(f"{path}, {origin}: {name} is not UTF-8")
    row = dict(zip(header, cells, strict=True))
    return _review(path, origin, row["review"], row["sentiment"], row.get("film") or None, row.get("part") or None)


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    for name in _NEEDED:
        if name not in columns:
            guess = nearest(name, columns)
            hint = f"; rename {guess} to {name}?" if guess else ""
            raise DataError(f"{path} must have the columns {' and '.join(_NEEDED)}, got {', '.join(columns)}{hint}")


def _review(
    path: Path, origin: str, text: str | None, sentiment: str | None, film: str | None, part: str | None
) -> Review:
    checked = checked_text(text, path, origin)
    if sentiment not in LABELS:
        raise DataError(f"{path}, {origin}: sentiment must be {' or '.join(LABELS)}, got {sentiment!r}")
    if part is not None and part not in _PARTS:
        raise DataError(f"{path}, {origin}: part must be {' or '.join(_PARTS)} or empty, got {part!r}")
    return Review(checked, LABELS[sentiment], origin, film, part)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:  # pyarrow raises a plain OSError for damaged pages
        raise DataError(f"{path} is not a complete parquet file: {error}") from error


def _strings(path: Path, table: pa.Table, name: str) -> list[str | None]:
    if name not in table.column_names:
        return [None] * table.num_rows
    column = table.column(name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise DataError(f"{path}: column {name} must contain text, got {column.type}")
    values: list[str | None] = []
    for row, cell in enumerate(column, start=1):
        try:
            values.append(cell.as_py())
        except UnicodeDecodeError as error:
            raise DataError(f"{path}, row {row}: {name} is not UTF-8") from error
    return values
