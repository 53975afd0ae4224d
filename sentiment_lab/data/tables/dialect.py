"""The separator of a table as text: declared in a line `sep=;`, else the one that yields the needed columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.header import has_columns, missing_column, shortened

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "pipes"}
_DECLARED = re.compile(r'"?sep=([^\w"\r\n])"?[,;\t ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
_OTHER_TEXT = {
    "{\\rtf": "RTF",
    "{": "JSON",
    "[": "JSON",
    "<!doctype html": "an HTML page",
    "<html": "an HTML page",
    "<?xml": "XML",
}


@dataclass(frozen=True)
class Dialect:
    """How the cells of a line are separated."""

    delimiter: str
    skips_spaces: bool = False
    """Whether a space follows each delimiter, so that a quote after it opens a quoted cell."""
    declared: bool = False
    """Whether the first line is `sep=` and the delimiter."""

    def reader(self, lines: Iterable[str]) -> Reader:
        """Return the rows of these lines as lists of cells; iterating raises csv.Error for unbalanced quotes."""
        return csv.reader(lines, delimiter=self.delimiter, skipinitialspace=self.skips_spaces, strict=True)


def detect_dialect(head: str, source: str, needed: Sequence[str], hint: str) -> Dialect:
    """Return the dialect of a text that begins with `head`.

    Raises DataError where no delimiter yields the needed columns, naming the columns and what separates them, and where
    several do.
    """
    if declared := _DECLARED.match(head):
        return _with_spaces(Dialect(declared[1], declared=True), head[declared.end() :])
    headers = {dialect: _header(head, dialect) for dialect in (_with_spaces(Dialect(one), head) for one in DELIMITERS)}
    fitting = [dialect for dialect, names in headers.items() if has_columns(names, needed)]
    if not fitting:
        raise _no_columns(head, source, headers, needed, hint)
    if len({tuple(headers[dialect]) for dialect in fitting}) > 1:
        names = " or ".join(DELIMITERS[dialect.delimiter] for dialect in fitting)
        raise DataError(
            f"{source} may be separated by {names}; begin it with a line such as sep={fitting[0].delimiter}"
        )
    return fitting[0]


def detect_by_width(head: str, source: str, least: int) -> Dialect:
    """Return the dialect of a text with which its first rows have the same number of cells, at least `least`.

    It is for tables of which no column is known. Raises DataError where several delimiters yield different rows.
    """
    if declared := _DECLARED.match(head):
        return _with_spaces(Dialect(declared[1], declared=True), head[declared.end() :])
    rows = {dialect: _first_rows(head, dialect) for dialect in (_with_spaces(Dialect(one), head) for one in DELIMITERS)}
    widths = {dialect: {len(cells) for cells in found} for dialect, found in rows.items()}
    fitting = [dialect for dialect, found in widths.items() if len(found) == 1 and max(found) >= max(least, 2)]
    if len(fitting) > 1:
        names = " or ".join(DELIMITERS[dialect.delimiter] for dialect in fitting)
        raise DataError(f"{source} may be separated by {names}; set data.delimiter")
    if fitting:
        return fitting[0]
    # Rows of different width: the header decides, and the reader names the first row that does not fit.
    return max(rows, key=lambda dialect: len(rows[dialect][0]) if rows[dialect] else 0)


def given_dialect(head: str, delimiter: str) -> Dialect:
    """Return the dialect of a text with a known delimiter."""
    declared = _DECLARED.match(head)
    return _with_spaces(Dialect(delimiter, declared=declared is not None), head[declared.end() :] if declared else head)


def _first_rows(head: str, dialect: Dialect) -> list[list[str]]:
    """Return the rows that end in `head`, without blank ones."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        for cells in dialect.reader(io.StringIO(head, newline="")):
            rows.append(cells)  # noqa: PERF402  # keeps the rows before an error
    return [cells for cells in rows if any(map(str.strip, cells))]


def _header(head: str, dialect: Dialect) -> list[str]:
    lines = io.StringIO(head, newline="")
    try:
        return next((cells for cells in dialect.reader(lines) if any(map(str.strip, cells))), [])
    except csv.Error:
        return []


def _with_spaces(dialect: Dialect, head: str) -> Dialect:
    later = _header(head, dialect)[1:]
    spaced = bool(later) and all(name.startswith(" ") for name in later)
    return Dialect(dialect.delimiter, spaced, dialect.declared)


def _no_columns(
    head: str, source: str, headers: dict[Dialect, list[str]], needed: Sequence[str], hint: str
) -> DataError:
    start = head.lstrip().lower()
    for signature, kind in _OTHER_TEXT.items():
        if start.startswith(signature):
            return DataError(f"{source} is {kind}, not a table")
    dialect = max(headers, key=lambda one: len(headers[one]))  # of equal ones the first: commas
    names = headers[dialect]
    if len(names) == 1 and has_columns(re.split(r"[^\w ]", names[0]), needed):
        known = ", ".join(DELIMITERS.values())
        hint = f"; it is separated by none of {known}: begin it with a line sep= and its separator"
        return DataError(f"{source} has the header {shortened(names[0])}{hint}")
    note = f" (separated by {DELIMITERS[dialect.delimiter]})" if dialect.delimiter != "," else ""
    return missing_column(source, names, needed, hint, note)
