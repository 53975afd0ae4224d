"""`sentiment-lab predict`: classify texts, or the rows of a CSV file, with the model of a run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_hash, add_json, runs_folder

if TYPE_CHECKING:
    import pandas as pd

    from sentiment_lab.models.classifier import Classifier
    from sentiment_lab.runs.folder import RunFolder

CHUNK = 2000
"""Rows of a CSV file that are in memory at a time."""
ADDED = ["label", "probability"]
"""Columns that are added to a CSV file."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Prints the label and the probability that the text is positive."
    parser = add_command(commands, "predict", run, "classify texts with the model of a run", details)
    add_hash(parser)
    parser.add_argument("text", nargs="*", metavar="TEXT", help="texts to classify")
    parser.add_argument(
        "--csv", metavar="FILE", help="classify the rows of a CSV file, and print it with two more columns"
    )
    parser.add_argument("--column", default="review", help="column of the texts in the CSV file (default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", help="write the CSV to this file, replacing it atomically")
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if bool(options.csv) == bool(options.text):
        raise LabError("give either texts to classify or --csv FILE")
    root = runs_folder(options)
    if options.csv:
        return predict_csv(root, options.hash, options.csv, options.column, options.output)
    return predict_texts(root, options.hash, options.text, as_json=options.json)


def predict_texts(root: str, prefix: str, texts: Sequence[str], *, as_json: bool) -> int:
    """Print the label and the probability of being positive for each text.

    Raises DataError for an empty text, RunError if no run or several match or the run has no model.
    """
    from sentiment_lab.data.reviews import DataError
    from sentiment_lab.serving import classify

    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise DataError(f"text {number} is empty")
    predictions = classify(_load(root, prefix), list(texts))
    rows = [
        {"text": text, "label": str(label), "probability": float(probability)}
        for text, label, probability in zip(texts, predictions["label"], predictions["probability"], strict=True)
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            print(f"{row['label']}  {row['probability']:.4f}  {row['text']}")
    return 0


def predict_csv(root: str, prefix: str, file: str, column: str, output: str | None) -> int:
    """Print a CSV file with the columns ADDED, chunk by chunk, so that it may be larger than memory.

    Raises DataError for a file that is no CSV, lacks the column, has one of ADDED already, or has an empty text.
    """
    import pandas as pd

    from sentiment_lab.serving import classify

    classifier = _load(root, prefix)
    with _open_output(output) as target:
        for number, rows in enumerate(_chunks(file, column)):
            predictions = classify(classifier, rows[column].tolist()).set_index(rows.index)
            pd.concat([rows, predictions], axis=1).to_csv(target, index=False, header=number == 0)
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


def _load(root: str, prefix: str) -> Classifier:
    folder = find_trained(root, prefix)  # before the import, which takes seconds
    from sentiment_lab.models.classifier import load_classifier

    return load_classifier(folder.model)


def _chunks(file: str, column: str) -> Iterator[pd.DataFrame]:
    import pandas as pd

    from sentiment_lab.data.reviews import DataError

    try:
        with pd.read_csv(file, dtype=str, keep_default_na=False, skip_blank_lines=False, chunksize=CHUNK) as chunks:
            for rows in chunks:
                _check_rows(file, column, rows)
                yield rows
    except FileNotFoundError as error:
        raise DataError(f"{file} does not exist") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error}") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{file} cannot be read as CSV: {error}") from error


def _check_rows(file: str, column: str, rows: pd.DataFrame) -> None:
    from sentiment_lab.base.suggestions import did_you_mean
    from sentiment_lab.data.reviews import DataError

    columns = [str(name) for name in rows.columns]
    if column not in columns:
        hint = did_you_mean(column, columns)
        raise DataError(f"{file} has no column {column!r} but {', '.join(columns)}{hint}; set --column to the texts")
    existing = [name for name in ADDED if name in columns]
    if existing:
        raise DataError(f"{file} already has a column {existing[0]!r}, which `predict` adds; rename it")
    empty = rows.index[rows[column].str.strip() == ""]
    if len(empty):
        raise DataError(f"{file}, row {empty[0] + 2}: the {column} is empty")  # row 1 is the header


@contextmanager
def _open_output(output: str | None) -> Iterator[TextIO]:
    from sentiment_lab.base.files import atomic_path

    if output is None:
        yield sys.stdout
        return
    with atomic_path(Path(output)) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        yield file
