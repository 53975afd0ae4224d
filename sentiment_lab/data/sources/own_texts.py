"""Reading data=table: tables whose columns the user names, or a folder for each class."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sentiment_lab.config.settings import DELIMITER_NAMES, TableData
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.class_folders import read_class_folders
from sentiment_lab.data.sources.labelled_texts import LabelledText, usable_texts
from sentiment_lab.data.sources.source_data import SourceData
from sentiment_lab.data.tables.encoding import UTF8
from sentiment_lab.data.tables.form import TableForm
from sentiment_lab.data.tables.header import normalized
from sentiment_lab.data.tables.reader import Table, open_table


def read_own_texts(files: Sequence[Path], data: TableData) -> SourceData:
    """Read the labelled texts of these files, or of one folder; raises DataError naming the file, and the row."""
    form = table_form(data)
    if files[0].is_dir():
        _refuse_columns(files[0], data)
        texts, others = read_class_folders(files[0], form)
        source = usable_texts(texts, data, str(files[0]))
        note = f"{others:,} other files are not texts of a class and are ignored"
        return replace(source, notes=(*source.notes, *([note] if others else [])))
    _require_columns(data)
    texts, ignored = [], 0
    columns: list[str] | None = None
    for file in files:
        with open_table(file, _needed(data), text=[str(data.text_column)], scalars=_needed(data), form=form) as table:
            ignored += table.ignored_files
            columns = columns or table.columns
            _check_same_columns(files[0], columns, table)
            texts += _texts(table, data, f"{file.name}, " if len(files) > 1 else "")
    return replace(usable_texts(texts, data, str(files[0] if len(files) == 1 else data.path)), ignored_files=ignored)


def table_form(data: TableData) -> TableForm:
    """Return what the settings state about the form of a table."""
    delimiter = None if data.delimiter is None else DELIMITER_NAMES.get(data.delimiter, data.delimiter)
    encoding = data.encoding and codecs.lookup(data.encoding).name
    return TableForm(
        delimiter,
        None if encoding == UTF8 else encoding,
        data.header,
        unnamed=True,
        advice="set data.encoding, or save the file as UTF-8",
    )


def _needed(data: TableData) -> list[str]:
    return [str(column) for column in _columns(data).values() if column is not None]


def _columns(data: TableData) -> dict[str, int | str | None]:
    return {
        "text_column": data.text_column,
        "label_column": data.label_column,
        "part_column": data.part_column,
        "group_column": data.group_column,
        "id_column": data.id_column,
    }


def _require_columns(data: TableData) -> None:
    missing = [f"data.{name}" for name in ("text_column", "label_column") if _columns(data)[name] is None]
    if missing:
        raise DataError(
            f"{' and '.join(missing)} must be set for {data.path}; `sentiment-lab data info data=table "
            f"data.path={data.path}` shows its columns and proposes them"
        )


def _refuse_columns(folder: Path, data: TableData) -> None:
    for name, column in _columns(data).items():
        if column is not None:
            raise DataError(f"data.{name} must be null for the folder {folder}, which has no columns, got {column}")


def _check_same_columns(first: Path, columns: list[str], table: Table) -> None:
    if sorted(map(normalized, columns)) != sorted(map(normalized, table.columns)):
        raise DataError(
            f"{table.source} must have the columns of {first}, {', '.join(columns)}, got {', '.join(table.columns)}"
        )


def _texts(table: Table, data: TableData, prefix: str) -> Iterator[LabelledText]:
    text, label, part, group, name = (table.column(str(column or "")) for column in _columns(data).values())
    header = (normalized(str(data.text_column)), normalized(str(data.label_column)))
    for row in table.rows:
        if (normalized(text(row)), normalized(label(row))) == header:
            raise DataError(f"{table.source}, {row.origin}: repeats the header; remove this row")
        origin = prefix + row.origin + (f", {data.id_column} {name(row)}" if name(row) else "")
        yield LabelledText(text(row), label(row), origin, part(row), group(row))
