"""`sentiment-lab explain`: why the model of a run judges texts as it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sentiment_lab.base.console import console, print_message
from sentiment_lab.cli.predict import find_trained
from sentiment_lab.data.reviews import DataError
from sentiment_lab.explain.explanation import Explanation, ExplanationError, Method, choose_method
from sentiment_lab.explain.html import write_page
from sentiment_lab.explain.terminal import print_explanation
from sentiment_lab.runs.folder import RunFolder

STDIN = "-"


def explain(
    root: str,
    prefix: str,
    texts: Sequence[str],
    files: Sequence[str],
    *,
    method: Method | None,
    html: str | None,
    as_json: bool,
) -> int:
    """Explain texts, then the text that each of `files` holds; `-` is standard input.

    Raises RunError, DamageError, DataError or ExplanationError before a network is loaded where that can be known.
    """
    run = find_trained(root, prefix)
    choose_method(run.config()["model"]["family"], method)
    page = _page_path(html)
    explanations = _explain(run, _texts(texts, files), method)
    if page is not None:
        write_page(page, explanations, run.short_hash)
        print_message(f"wrote {page}")
    if as_json:
        print(json.dumps([{"run": run.short_hash, **one.to_plain()} for one in explanations], indent=2))
    else:
        _print(run, explanations)
    return 0


def _explain(run: RunFolder, texts: Sequence[str], method: Method | None) -> list[Explanation]:
    from sentiment_lab.explain.explainers import explain_texts
    from sentiment_lab.models.classifier import load_classifier

    return explain_texts(load_classifier(run.model), texts, method)


def _print(run: RunFolder, explanations: Sequence[Explanation]) -> None:
    terminal = console(stderr=False)
    for number, explanation in enumerate(explanations, start=1):
        several = f", text {number} of {len(explanations)}" if len(explanations) > 1 else ""
        terminal.print(f"{explanation.architecture} {run.short_hash}{several}: ", end="", markup=False)
        print_explanation(terminal, explanation)
        if number < len(explanations):
            terminal.print()


def _texts(texts: Sequence[str], files: Sequence[str]) -> list[str]:
    named = [
        ("standard input", _read(STDIN)) if text == STDIN else (f"text {n}", text) for n, text in enumerate(texts, 1)
    ]
    named += [(file, _read(file)) for file in files]
    for name, text in named:
        if not text.strip():
            raise DataError(f"{name} is empty")
    return [text for _, text in named]


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return content.decode()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{'standard input' if file == STDIN else file} is not UTF-8: {error}") from error


def _page_path(html: str | None) -> Path | None:
    if html is None:
        return None
    page = Path(html)
    if page.is_dir() or not page.parent.is_dir():
        raise ExplanationError(f"--html must name a file in a folder that is there, got {html}")
    return page
