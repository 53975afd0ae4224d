"""`sentiment-lab predict`: classify texts, or the rows of a table, with the model of a run."""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_hash, add_json, runs_folder
from sentiment_lab.cli.texts import STDIN, read_texts

if TYPE_CHECKING:
    from sentiment_lab.data.tables.reader import Table
    from sentiment_lab.data.tables.row import Row
    from sentiment_lab.models.classifier import Classifier
    from sentiment_lab.runs.folder import RunFolder

CHUNK = 2000
"""Rows of a table that are classified at a time."""
ADDED = ["label", "probability"]
"""Columns that are added to a table."""
KNOWN = "has_known_word"
"""Field of --json: whether a word of the text is in the model's vocabulary."""
SHOWN = 10
"""Rows that are listed in a message."""

Prediction = dict[str, Any]
"""The label, the probability (float32) and KNOWN of one text."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Prints the label and the probability that the text is positive."
    parser = add_command(commands, "predict", run, "classify texts with the model of a run", details)
    add_hash(parser)
    text = "texts to classify; - reads one from standard input; write -- before a text that begins with a dash"
    parser.add_argument("text", nargs="*", metavar="TEXT", help=text)
    parser.add_argument(
        "--csv",
        metavar="FILE",
        help="classify the rows of a table (CSV, other separators, Parquet; compressed or not; - is standard input), "
        "and print it as CSV with two more columns",
    )
    parser.add_argument("--column", help="column of the texts in the table (default: review)")
    parser.add_argument("--output", metavar="FILE", help="write to this file, atomically; - is standard output")
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if (options.csv is not None) == bool(options.text):
        raise LabError("give either texts to classify or --csv FILE; - is standard input")
    if options.column is not None and options.csv is None:
        raise LabError("--column names a column of the table of --csv FILE, which is not given")
    if options.column is not None and not options.column.strip():
        raise LabError(f"--column must be the name of a column, got {options.column!r}")
    root = runs_folder(options)
    if options.csv is None:
        return predict_texts(root, options.hash, options.text, as_json=options.json, output=options.output)
    column = "review" if options.column is None else options.column
    return predict_table(root, options.hash, options.csv, column, as_json=options.json, output=options.output)


def predict_texts(root: str, prefix: str, texts: Sequence[str], *, as_json: bool, output: str | None = None) -> int:
    """Print the label and the probability of being positive for each text; `-` stands for standard input.

    Raises DataError for an empty text, RunError if no run or several match or the run has no model.
    """
    folder = find_trained(root, prefix)
    read = read_texts(texts)
    with _open_output(output) as target:
        predictions = _classify(_load(folder), read)
        if as_json:
            rows = [{"text": text, **prediction} for text, prediction in zip(read, predictions, strict=True)]
            target.write(json.dumps(rows, indent=2, default=float) + "\n")
        else:
            target.writelines(_line(text, prediction) for text, prediction in zip(read, predictions, strict=True))
    return 0


def predict_table(root: str, prefix: str, file: str, column: str, *, as_json: bool, output: str | None = None) -> int:
    """Print a table with the columns ADDED as CSV, chunk by chunk, so that it may be larger than memory.

    With `as_json`, print a list with one object for each row. Raises DataError for a table that cannot be read, has one
    of the added columns already, or has an empty text; StorageError where the output cannot be written.
    """
    from sentiment_lab.data.tables.reader import open_table

    folder = find_trained(root, prefix)
    path = None if file == STDIN else Path(file)
    with open_table(path, [column], hint="; set --column to the texts") as table:
        added = [*ADDED, KNOWN] if as_json else ADDED
        _check_added(table, added)
        with _open_output(output) as target:
            write = _json_rows if as_json else _csv_rows
            unknown = write(target, table, _classified(table, column, _load(folder)))
    if unknown:
        _report_unknown(unknown)
    return 0


def find_trained(root: str, prefix: str) -> RunFolder:
    """Return the complete run whose hash begins with `prefix`.

    Raises RunError if no run or several match, or the run is not complete.
    """
    from sentiment_lab.runs.folder import RunError
    from sentiment_lab.runs.listing import find_run

    folder = find_run(Path(root), prefix)
    if folder.state != "complete":
        raise RunError(f"run {folder.short_hash} has no model: it is {folder.state}")
    return folder


def _load(folder: RunFolder) -> Classifier:
    from sentiment_lab.models.classifier import load_classifier  # takes seconds

    return load_classifier(folder.model)


def _classify(classifier: Classifier, texts: list[str]) -> list[Prediction]:
    from sentiment_lab.serving import classify

    frame = classify(classifier, texts)
    columns = zip(texts, frame["label"], frame["probability"].to_numpy(), strict=True)
    return [
        {"label": str(label), "probability": probability, KNOWN: classifier.has_known_word(text)}
        for text, label, probability in columns
    ]


def _line(text: str, prediction: Prediction) -> str:
    note = "" if prediction[KNOWN] else " (no known word)"
    return f"{prediction['label']}  {prediction['probability']:.4f}{note}  {' '.join(text.splitlines())}\n"


def _check_added(table: Table, added: Sequence[str]) -> None:
    from sentiment_lab.data.reviews import DataError
    from sentiment_lab.data.tables.header import has_columns

    for name in added:
        if has_columns(table.columns, [name]):
            raise DataError(f"{table.source} already has a column {name!r}, which `predict` adds; rename it")


def _classified(table: Table, column: str, classifier: Classifier) -> Iterator[tuple[Row, Prediction]]:
    text = table.column(column)
    while rows := list(itertools.islice(table.rows, CHUNK)):
        for row in rows:
            _check_text(table, row, column, text(row))
        yield from zip(rows, _classify(classifier, list(map(text, rows))), strict=True)


def _check_text(table: Table, row: Row, column: str, text: str) -> None:
    from sentiment_lab.data.reviews import DataError

    if not text.strip():
        raise DataError(f"{table.source}, {row.origin}: the {column} is empty")


def _csv_rows(target: TextIO, table: Table, predictions: Iterator[tuple[Row, Prediction]]) -> list[int]:
    """Write the table and the predictions as CSV; return the numbers of the rows without a known word."""
    unknown = []
    first = list(itertools.islice(predictions, 1))  # an error in the first chunk leaves no header
    target.write(_csv_line([*table.columns, *ADDED]))
    for row, prediction in itertools.chain(first, predictions):
        target.write(_csv_line([*row.cells, *(prediction[name] for name in ADDED)]))
        if not prediction[KNOWN]:
            unknown.append(row.number)
    return unknown


def _csv_line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    # csv quotes line ends if they occur in its line terminator: with "\n" alone, "\r" in a cell would end the row.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _json_rows(target: TextIO, table: Table, predictions: Iterator[tuple[Row, Prediction]]) -> list[int]:
    """Write the same as one JSON list, at the end, so that an error leaves no part of it; return no numbers."""
    rows = [{**dict(zip(table.columns, row.cells, strict=True)), **prediction} for row, prediction in predictions]
    target.write(json.dumps(rows, indent=2, default=float) + "\n")
    return []


def _report_unknown(rows: Sequence[int]) -> None:
    listed = ", ".join(map(str, rows[:SHOWN])) + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")
    print_message(f"no known word in {len(rows)} text{'s' * (len(rows) > 1)}: row{'s' * (len(rows) > 1)} {listed}")


@contextmanager
def _open_output(output: str | None) -> Iterator[TextIO]:
    """Yield where to write: standard output, a device such as /dev/null, or a file that is then replaced atomically."""
    from sentiment_lab.base.files import StorageError, atomic_path, storage_errors

    if output in (None, "-", "/dev/stdout"):  # a file that the shell opened must not be replaced
        yield sys.stdout
        return
    path = Path(output)
    if path.is_dir():
        raise StorageError(f"--output must name a file, got the folder {path}")
    if path.exists() and not path.is_file():
        with storage_errors(path), path.open("w", encoding="utf-8", newline="") as device:
            yield device
        return
    with (
        atomic_path(path.resolve() if path.is_symlink() else path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        yield file
