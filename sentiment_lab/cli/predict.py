"""`sentiment-lab predict`: judge texts with the model of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pandas as pd

from sentiment_lab.base.files import atomic_path
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.data.reviews import DataError
from sentiment_lab.runs.folder import RunError, RunFolder
from sentiment_lab.runs.listing import find_run
from sentiment_lab.serving import classify

if TYPE_CHECKING:
    from sentiment_lab.models.classifier import Classifier

CHUNK = 2000
"""Rows of a CSV in memory at once."""
ADDED = ["label", "probability"]


def predict_texts(root: str, prefix: str, texts: Sequence[str], *, as_json: bool) -> int:
    """Print label and probability of being positive for each text.

    Raises DataError for an empty one.
    """
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise DataError(f"text {number} is empty: there is nothing to judge")
    judged = classify(_load(root, prefix), list(texts))
    rows = [
        {"text": text, "label": str(label), "probability": float(probability)}
        for text, label, probability in zip(texts, judged["label"], judged["probability"], strict=True)
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        for row in rows:
            print(f"{row['label']}  {row['probability']:.4f}  {row['text']}")
    return 0


def predict_csv(root: str, prefix: str, file: str, column: str, output: str | None) -> int:
    """Print a CSV with two columns more, chunk by chunk, so that a file larger than memory works.

    Raises DataError for a file that is no CSV, lacks the column, has the added ones already, or has an empty text.
    """
    classifier = _load(root, prefix)
    with _target(output) as target:
        for number, rows in enumerate(_chunks(file, column)):
            judged = classify(classifier, rows[column].tolist()).set_index(rows.index)
            pd.concat([rows, judged], axis=1).to_csv(target, index=False, header=number == 0)
    return 0


def find_trained(root: str, prefix: str) -> RunFolder:
    """Return the one run whose hash begins with `prefix`.

    Raises RunError when there is none or more than one, or it has no model.
    """
    run = find_run(Path(root), prefix)
    if run.state != "complete":
        raise RunError(f"run {run.short_hash} has no model: it is {run.state}")
    return run


def _load(root: str, prefix: str) -> Classifier:
    run = find_trained(root, prefix)
    from sentiment_lab.models.classifier import load_classifier

    return load_classifier(run.model)


def _chunks(file: str, column: str) -> Iterator[pd.DataFrame]:
    try:
        with pd.read_csv(file, dtype=str, keep_default_na=False, skip_blank_lines=False, chunksize=CHUNK) as chunks:
            for rows in chunks:
                _check(file, column, rows)
                yield rows
    except FileNotFoundError as error:
        raise DataError(f"{file} is not there") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error}") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{file} cannot be read as CSV: {error}") from error


def _check(file: str, column: str, rows: pd.DataFrame) -> None:
    columns = [str(name) for name in rows.columns]
    if column not in columns:
        hint = did_you_mean(column, columns)
        raise DataError(f"{file} has no column {column!r} but {', '.join(columns)}{hint}; --column names the texts")
    taken = [name for name in ADDED if name in columns]
    if taken:
        raise DataError(f"{file} has a column {taken[0]!r} already; rename it, it is the name of a column to add")
    empty = rows.index[rows[column].str.strip() == ""]
    if len(empty):
        raise DataError(f"{file}, row {empty[0] + 2}: the {column} is empty")  # the header is row 1


@contextmanager
def _target(output: str | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    with atomic_path(Path(output)) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        yield file
