"""The rows of JSON: an object in each line, or a list of objects. The columns are their keys; the first row is row 1.

A missing key and null are empty cells, true and false are those words, lists and objects are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tables.compression import peek
from sentiment_lab.data.tables.encoding import decoding_errors, encoding_of, is_decoded, proposal
from sentiment_lab.data.tables.form import TableForm
from sentiment_lab.data.tables.header import check_header, normalized, shortened
from sentiment_lab.data.tables.row import Row

_HEAD = 1 << 16
"""Bytes in which the first object of JSON lines must end to be recognized."""


def is_json(file: BinaryIO, source: str, form: TableForm) -> bool:
    """Whether a seekable file begins with an object in one line, or is a list."""
    head = peek(file, _HEAD)
    start = head.decode(form.encoding or encoding_of(head[:64], source), "ignore").lstrip()
    if start.startswith("["):
        return start[1:].lstrip().startswith("{")
    line, end, _ = start.partition("\n")
    # The end of a longer first line is not read, so its beginning decides.
    return isinstance(_parsed(line), dict) or (not end and len(head) == _HEAD and line.startswith('{"'))


def open_json(
    file: BinaryIO, source: str, needed: Sequence[str], text: Collection[str] | None, hint: str, form: TableForm
) -> tuple[list[str], Iterator[Row]]:
    """Return the columns and the rows of JSON. With `text`, these columns must contain text, else the needed ones.

    Raises DataError naming the row: undecodable bytes, invalid JSON, no object, another value where text must be.
    """
    found = _objects(file, source, form)
    names = list(dict.fromkeys(name for _, _, item in found for name in item))
    columns = check_header(source, names, needed, hint)
    must = {normalized(name) for name in (needed if text is None else text)}
    return columns, _rows(found, names, must, source)


def _rows(
    found: list[tuple[int, int | None, dict[str, Any]]], names: list[str], must: set[str], source: str
) -> Iterator[Row]:
    checked = [name for name in names if normalized(name) in must]
    for number, line, item in found:
        row = Row(number, line, [_cell(item.get(name)) for name in names])
        for name in checked:
            if not isinstance(item.get(name, ""), str | None):
                raise DataError(f"{source}, {row.origin}: {name} must be text, got {shortened(_cell(item[name]))}")
        yield row


def _objects(file: BinaryIO, source: str, form: TableForm) -> list[tuple[int, int | None, dict[str, Any]]]:
    """Return number, line and content of each object."""
    data = file.read()
    encoding = form.encoding or encoding_of(data[:64], source)
    try:
        text = data.decode(encoding, decoding_errors(encoding))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{source}, line {line}: not {encoding.upper()}") from error
    lines = text.split("\n")  # str.splitlines also splits at characters that JSON contains unescaped
    _check_decoded(lines, source, encoding, form)
    if text.lstrip().startswith("["):
        return _list(text, source)
    found: list[tuple[int, int | None, dict[str, Any]]] = []
    for number, content in enumerate(lines, start=1):
        if content.strip():
            item = _object(content, f"{source}, row {len(found) + 1} (line {number})")
            found.append((len(found) + 1, number, item))
    return found


def _check_decoded(lines: list[str], source: str, encoding: str, form: TableForm) -> None:
    wrong = [place for place, line in enumerate(lines) if not is_decoded(line)]
    if wrong:
        hint = proposal([lines[place] for place in wrong[:1000]], encoding)
        raise DataError(f"{source}, line {wrong[0] + 1}: not {encoding.upper()}{hint}; {form.advice}")


def _list(text: str, source: str) -> list[tuple[int, int | None, dict[str, Any]]]:
    try:
        items = json.loads(text)
    except ValueError as error:
        raise DataError(f"{source} is not valid JSON: {error}") from error
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise DataError(f"{source}, row {number}: must be an object, got {shortened(_cell(item))}")
    return [(number, None, item) for number, item in enumerate(items, start=1)]


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        item = json.loads(line)
    except ValueError as error:
        raise DataError(f"{place}: not valid JSON: {error}") from error
    if not isinstance(item, dict):
        raise DataError(f"{place}: must be an object, got {shortened(_cell(item))}")
    return item


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
