"""The rows of a Parquet file. The first row is row 1; a missing value is an empty cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.header import check_header, normalized
from sentiment_lab.data.tables.row import Row

_ROWS = 1000
"""Rows that are converted at a time."""


def open_parquet(
    file: BinaryIO,
    source: str,
    needed: Sequence[str],
    text: Collection[str] | None,
    scalars: Collection[str],
    hint: str,
) -> tuple[list[str], Iterator[Row]]:
    """Return the columns of a Parquet file and its rows, which are read when they are iterated.

    With `text`, only the columns of these names are read, which must contain text, and those of `scalars`, which must
    contain text, numbers or booleans. Raises DataError as `open_text` does.
    """
    with _errors(source):
        table = pq.ParquetFile(file)
        names = table.schema_arrow.names
    stripped = check_header(source, names, needed, hint)
    must = {normalized(name) for name in (needed if text is None else text)}
    others = {normalized(name) for name in scalars} - must
    read = [name for name in names if text is None or normalized(name) in must | others]
    for name in read:
        if normalized(name) in must:
            _check_text(source, name, table.schema_arrow.field(name).type)
        elif normalized(name) in others:
            _check_scalars(source, name, table.schema_arrow.field(name).type)
    columns = [column for name, column in zip(names, stripped, strict=True) if name in read]
    return columns, _rows(table, source, read)


def _rows(table: pq.ParquetFile, source: str, names: list[str]) -> Iterator[Row]:
    number = 0
    with _errors(source):
        for batch in table.iter_batches(_ROWS, columns=names):
            columns = [_cells(source, batch.column(name), name, number) for name in names]
            for cells in zip(*columns, strict=True):
                number += 1
                yield Row(number, None, cells)


def _check_text(source: str, name: str, kind: pa.DataType) -> None:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if values not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise DataError(f"{source}: column {name} must contain text, got {kind}")


def _check_scalars(source: str, name: str, kind: pa.DataType) -> None:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(values) or pa.types.is_binary(values) or pa.types.is_large_binary(values):
        raise DataError(f"{source}: column {name} must contain text, numbers or booleans, got {kind}")


def _cells(source: str, column: pa.Array, name: str, before: int) -> list[str]:
    try:
        return [_cell(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        pass
    for row, cell in enumerate(column, start=before + 1):
        try:
            cell.as_py()
        except UnicodeDecodeError as error:
            raise DataError(f"{source}, row {row}: {name} is not UTF-8") from error
    return []


def _cell(value: object) -> str:
    return "" if value is None else str(value)


@contextmanager
def _errors(source: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:  # pyarrow raises a plain OSError for damaged pages
        raise DataError(f"{source} is not a complete parquet file: {error}") from error
