"""The rows of a table as text: CSV, or the same with another separator.

Rows are numbered as in a spreadsheet: the header is row 1, blank lines count, a line `sep=` does not.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import BinaryIO

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.compression import peek
from sentiment_lab.data.tables.dialect import Dialect, detect_by_width, detect_dialect, given_dialect
from sentiment_lab.data.tables.encoding import UTF8, decoding_errors, encoding_of, is_decoded, proposal
from sentiment_lab.data.tables.form import DETECTED, TableForm
from sentiment_lab.data.tables.header import check_header
from sentiment_lab.data.tables.row import Row

_HEAD = 1 << 16
"""Bytes from which encoding and separator are detected; the header must end in them."""
_EVIDENCE = 1000
"""Further rows from which the encoding is guessed."""


def open_text(
    file: BinaryIO, source: str, needed: Sequence[str], hint: str, stack: ExitStack, form: TableForm = DETECTED
) -> tuple[list[str], Iterator[Row]]:
    """Return the columns of a table and its rows, which are read when they are iterated; `stack` closes the file.

    Raises DataError for the header, and while iterating for a row, naming it: undecodable or NUL bytes, other cells
    than the header has, an unbalanced quote.
    """
    head = peek(file, _HEAD)
    encoding = form.encoding or encoding_of(head, source)
    start = head.decode(encoding, "surrogateescape" if encoding == UTF8 else "ignore")
    if not start.strip():
        raise DataError(f"{source} is empty")
    dialect = _dialect(start if len(head) < _HEAD else start.rpartition("\n")[0], source, needed, hint, form)
    text = stack.enter_context(io.TextIOWrapper(file, encoding, decoding_errors(encoding), newline=""))
    records = _records(text, dialect, source)
    header = next((row for row in records if not _is_blank(row)), None)
    if header is None:
        raise DataError(f"{source} is empty")
    if not form.header:
        positions = [str(place) for place in range(1, len(header.cells) + 1)]
        columns = check_header(source, positions, needed, hint)
        return columns, _rows(itertools.chain([header], records), columns, source, form)
    _check_cells(source, header, ["the header"] * len(header.cells), records, form)
    columns = check_header(source, header.cells, needed, hint, unnamed=form.unnamed)
    return columns, _rows(records, columns, source, form)


def _dialect(start: str, source: str, needed: Sequence[str], hint: str, form: TableForm) -> Dialect:
    if form.delimiter is not None:
        return given_dialect(start, form.delimiter)
    if not form.header:
        return detect_by_width(start, source, max((int(name) for name in needed), default=1))
    return detect_dialect(start, source, needed, hint) if needed else detect_by_width(start, source, 1)


def _records(text: io.TextIOWrapper, dialect: Dialect, source: str) -> Iterator[Row]:
    skipped = 0
    if dialect.declared:
        text.readline()
        skipped = 1
    reader = dialect.reader(text)
    for number in itertools.count(1):
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{source}, row {number} (line {line}): {_reason(error)}") from error
        except UnicodeDecodeError as error:
            raise DataError(f"{source}, row {number} or later: not {error.encoding.upper()}") from error
        yield Row(number, reader.line_num + skipped, cells)


def _reason(error: csv.Error) -> str:
    reason = str(error)
    if reason.startswith("field larger"):
        return f"a cell has more than {csv.field_size_limit():,} characters; is its closing quote missing?"
    if reason == "unexpected end of data":
        return "a cell begins with a quote and has no closing quote"
    if "expected after" in reason:
        return 'text follows the closing quote of a cell; a quote inside of a quoted cell is written twice ("")'
    return reason


def _check_cells(source: str, row: Row, names: Sequence[str], later: Iterator[Row], form: TableForm) -> None:
    """Raise DataError for a cell that is not text; `later` rows help to guess the encoding."""
    for name, cell in zip(names, row.cells, strict=True):
        if "\0" in cell:
            raise DataError(f"{source}, {row.origin}: {name} contains a NUL byte; the file is damaged, or no text")
        if not is_decoded(cell):
            encoding = form.encoding or UTF8
            hint = proposal([_undecoded(row), *_evidence(later)], encoding)
            raise DataError(f"{source}, {row.origin}: {name} is not {encoding.upper()}{hint}; {form.advice}")


def _evidence(rows: Iterator[Row]) -> Iterator[str]:
    with suppress(DataError):  # of a later row
        yield from map(_undecoded, itertools.islice(rows, _EVIDENCE))


def _undecoded(row: Row) -> str:
    return " ".join(cell for cell in row.cells if not is_decoded(cell))


def _is_blank(row: Row) -> bool:
    return not any(map(str.strip, row.cells))


def _rows(records: Iterator[Row], columns: Sequence[str], source: str, form: TableForm) -> Iterator[Row]:
    """Yield the rows, which have a cell for each column; leave out blank lines."""
    width = len(columns)
    blank: Row | None = None
    for row in records:
        if _is_blank(row) and (width > 1 or not row.cells):
            blank = blank or row
            continue
        if blank is not None and width == 1:
            hint = 'remove it, or write "" for an empty cell'
            raise DataError(f"{source}, {blank.origin}: a blank line is ambiguous in a table with one column; {hint}")
        if len(row.cells) != width:
            hint = "; a cell that contains the separator must be in quotes" if len(row.cells) > width else ""
            raise DataError(f"{source}, {row.origin}: must have {_columns(width)}, got {len(row.cells)}{hint}")
        _check_cells(source, row, columns, records, form)
        yield row


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
