"""The one reader of tables: compression, format, encoding and separator are detected from the content.

with open_table(Path("reviews.csv.gz"), ["review"]) as table:
    text = table.column("review")
    for row in table.rows:
        row.origin, text(row)
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.compression import ZIP, compression_of, decompressed, is_tar, peek, read_errors
from sentiment_lab.data.tables.form import DETECTED, TableForm
from sentiment_lab.data.tables.header import normalized
from sentiment_lab.data.tables.json_rows import is_json, open_json
from sentiment_lab.data.tables.row import Row
from sentiment_lab.data.tables.text_rows import open_text
from sentiment_lab.data.tables.zips import only_table, open_member

STDIN = "standard input"
_FOREIGN = {
    b"\x28\xb5\x2f\xfd": "compressed twice; unpack it",
    b"\x04\x22\x4d\x18": "compressed with LZ4; unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"Rar!\x1a\x07": "a RAR archive; unpack it",
    b"\x1f\x8b": "compressed twice; unpack it",
    b"\xfd7zXZ\x00": "compressed twice; unpack it",
    b"PK\x03\x04": "compressed twice; unpack it",
    b"\x1f\x9d": "compressed with compress; unpack it",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook; export it as CSV",
    b"SQLite format 3\x00": "an SQLite database; export a table as CSV",
    b"%PDF-": "a PDF; export it as CSV",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file; export it as CSV",
    b"ARROW1": "an Arrow (Feather) file; save it as Parquet or CSV",
    b"\x00\x05\x16\x07": "metadata that macOS keeps beside a file (AppleDouble)",
}
"""Formats that are not read, by their first bytes."""
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class Table:
    """An open table."""

    source: str
    """The file, and the member of a zip, for messages."""
    columns: list[str]
    """Names without surrounding spaces, distinct also without regard to case."""
    rows: Iterator[Row]
    """Each has a cell for each column. Iterating raises DataError naming a row that cannot be read."""
    ignored_files: int = 0
    """Files of the operating system beside the table in its zip."""

    def column(self, name: str) -> Callable[[Row], str]:
        """Return a function from a row to its cell of a column; "" where the table has no such column."""
        names = [normalized(column) for column in self.columns]
        if normalized(name) not in names:
            return lambda row: ""  # noqa: ARG005
        place = names.index(normalized(name))
        return lambda row: row.cells[place]


@contextmanager
def open_table(
    path: Path | None,
    needed: Sequence[str],
    *,
    text: Collection[str] | None = None,
    scalars: Collection[str] = (),
    hint: str = "",
    form: TableForm = DETECTED,
) -> Iterator[Table]:
    """Open a table, of standard input where `path` is None.

    It is text (CSV, or separated by tabs, semicolons or pipes; in UTF-8, or in UTF-16 with a byte-order mark),
    JSON (an object in each line, or a list of objects), or Parquet; possibly compressed with gzip, bzip2, xz or zstd,
    or the only table of a zip.

    Args:
        path: The file; may be a pipe.
        needed: Columns that the table must have.
        text: Columns that must contain text; of a Parquet file, only these and `scalars` are then read. None reads all
            columns.
        scalars: Columns of a Parquet file that may also contain numbers and booleans.
        hint: What to do where a column is missing.
        form: What is known about the form of the table.

    Raises:
        DataError: For all that cannot be read, naming the file and, where there is one, the row.

    """
    source = STDIN if path is None else str(path)
    with ExitStack() as stack:
        with read_errors(source, "file"):
            file = _open_seekable(path, stack)
            kind = compression_of(file)
        with read_errors(source, f"{kind or 'text'} file"):
            content, source, ignored = _unpacked(file, kind, source, stack)
            if kind is not None and peek(content, len(_PARQUET)) == _PARQUET:
                content = io.BytesIO(content.read())  # is read from its end, to which no compressed file can jump
            _check_format(content, source)
            if peek(content, len(_PARQUET)) == _PARQUET:
                from sentiment_lab.data.tables.parquet_rows import open_parquet

                columns, rows = open_parquet(content, source, needed, text, scalars, hint)
            elif is_json(content, source, form):
                columns, rows = open_json(content, source, needed, text, hint, form)
            else:
                columns, rows = open_text(content, source, needed, hint, stack, form)
        yield Table(source, columns, _reading(rows, source, f"{kind or 'text'} file"), ignored)


def _reading(rows: Iterator[Row], source: str, kind: str) -> Iterator[Row]:
    with read_errors(source, kind):
        yield from rows


def _open_seekable(path: Path | None, stack: ExitStack) -> BinaryIO:
    if path is not None and path.is_dir():
        raise DataError(f"{path} is a folder, not a table")
    file = sys.stdin.buffer if path is None else stack.enter_context(path.open("rb"))
    if path is not None and file.seekable():
        return file
    # Zip and Parquet are read from their ends.
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    shutil.copyfileobj(file, copy)
    return copy


def _unpacked(file: BinaryIO, kind: str | None, source: str, stack: ExitStack) -> tuple[BinaryIO, str, int]:
    """Return the content, its name for messages, and the number of files that were ignored."""
    if kind is None:
        return file, source, 0
    if kind != ZIP:
        return stack.enter_context(decompressed(file, kind)), source, 0
    archive = stack.enter_context(zipfile.ZipFile(file))
    name, info, ignored = only_table(source, archive)
    source = f"{source}, member {name}"
    member = stack.enter_context(open_member(source, archive, info))
    inner = compression_of(member)
    content = member if inner in (None, ZIP) else stack.enter_context(decompressed(member, inner))
    return content, source, ignored


def _check_format(file: BinaryIO, source: str) -> None:
    head = peek(file, max(map(len, _FOREIGN)))
    for mark, format_name in _FOREIGN.items():
        if head.startswith(mark):
            raise DataError(f"{source} is {format_name}")
    if is_tar(file):
        raise DataError(f"{source} is a tar archive, not a table; unpack it")
