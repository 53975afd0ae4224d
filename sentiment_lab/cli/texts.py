"""Texts that are given as arguments, on standard input or in files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sentiment_lab.base.errors import LabError

STDIN = "-"


def read_texts(texts: Sequence[str], files: Sequence[str] = ()) -> list[str]:
    """Return texts, then the content of files; `-` in either stands for standard input.

    Raises LabError where standard input is named twice, DataError for an empty text and a file that cannot be read.
    """
    from sentiment_lab.data.reviews import DataError

    if [*texts, *files].count(STDIN) > 1:
        raise LabError("- is given more than once, but standard input holds one text")
    named = [
        ("standard input", _read(STDIN)) if text == STDIN else (f"text {n}", text) for n, text in enumerate(texts, 1)
    ]
    named += [("standard input" if file == STDIN else file, _read(file)) for file in files]
    for name, text in named:
        if not text.strip():
            raise DataError(f"{name} is empty")
    return [text for _, text in named]


def _read(file: str) -> str:
    from sentiment_lab.data.reviews import DataError

    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return content.decode()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{'standard input' if file == STDIN else file} is not UTF-8: {error}") from error
