"""`sentiment-lab explain`: show which tokens the prediction for a text depends on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_hash, add_json, runs_folder
from sentiment_lab.cli.predict import find_trained
from sentiment_lab.cli.texts import read_texts
from sentiment_lab.explain.explanation import METHODS, ExplanationError

if TYPE_CHECKING:
    from sentiment_lab.explain.explanation import Explanation, Method
    from sentiment_lab.runs.folder import RunFolder


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Prints the contribution of each token to the prediction."
    parser = add_command(commands, "explain", run, "show which words a prediction depends on", details)
    add_hash(parser)
    parser.add_argument("text", nargs="*", metavar="TEXT", help="texts to explain; - reads one from standard input")
    parser.add_argument(
        "--file", metavar="FILE", action="append", default=[], help="explain the text of this file; may be repeated"
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="how the logit is attributed to the tokens (default: integrated_gradients for a network, weights for a "
        "linear model)",
    )
    parser.add_argument("--html", metavar="FILE", help="also write an HTML page, replacing it atomically")
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if not options.text and not options.file:
        raise LabError("give texts to explain, - for standard input, or --file FILE")
    return explain(
        runs_folder(options),
        options.hash,
        options.text,
        options.file,
        method=options.method,
        html=options.html,
        as_json=options.json,
    )


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
    """Print explanations of texts, then of the content of files; the text `-` stands for standard input.

    Raises RunError, DataError and ExplanationError before the model is loaded, DamageError for a damaged model.
    """
    from sentiment_lab.explain.explanation import choose_method
    from sentiment_lab.explain.html import write_page

    folder = find_trained(root, prefix)
    choose_method(folder.config()["model"]["family"], method)
    page = _check_page(html)
    explanations = _explain(folder, read_texts(texts, files), method)
    if page is not None:
        write_page(page, explanations, folder.short_hash)
        print_message(f"wrote {page}")
    if as_json:
        print(json.dumps([{"run": folder.short_hash, **one.to_plain()} for one in explanations], indent=2))
    else:
        _print(folder, explanations)
    return 0


def _explain(folder: RunFolder, texts: Sequence[str], method: Method | None) -> list[Explanation]:
    from sentiment_lab.explain.explainers import explain_texts
    from sentiment_lab.models.classifier import load_classifier

    return explain_texts(load_classifier(folder.model), texts, method)


def _print(folder: RunFolder, explanations: Sequence[Explanation]) -> None:
    from sentiment_lab.explain.terminal import print_explanation

    terminal = console(stderr=False)
    for number, explanation in enumerate(explanations, start=1):
        position = f", text {number} of {len(explanations)}" if len(explanations) > 1 else ""
        terminal.print(f"{explanation.architecture} {folder.short_hash}{position}: ", end="", markup=False)
        print_explanation(terminal, explanation)
        if number < len(explanations):
            terminal.print()


def _check_page(html: str | None) -> Path | None:
    if html is None:
        return None
    page = Path(html)
    if page.is_dir() or not page.parent.is_dir():
        raise ExplanationError(f"--html must name a file in an existing folder, got {html}")
    return page
