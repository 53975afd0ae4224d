"""`sentiment-lab compare`: which variant is better, by how much, and whether the difference is significant."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, runs_folder
from sentiment_lab.cli.question import ACCURACY, Question

if TYPE_CHECKING:
    from sentiment_lab.analysis.comparison import Comparison

FIGURES = ("intervals", "pairs", "cost", "epochs", "lengths", "within")
"""Figures of `--page`; the keys of `analysis.markdown.figures.FIGURES`, which takes Matplotlib to import."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Prints which variant is best, by how much, and which differences are significant (Holm-adjusted)."
    _add_options(
        add_command(commands, "compare", run, "compare variants by a metric and test the differences", details)
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "hash",
        nargs="*",
        metavar="HASH",
        help="hashes of runs, sweeps or variants, or unique prefixes (default: the runs of a study)",
    )
    parser.add_argument("--study", help="compare all runs of this study (default: the study of the newest run)")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="KEY",
        help="group runs only by this setting or group of settings, such as model; may be repeated",
    )
    parser.add_argument("--metric", default=ACCURACY, help="the metric to rank by and test (default: %(default)s)")
    parser.add_argument("--sort", metavar="METRIC", help="order rows by this metric, best first (default: --metric)")
    parser.add_argument(
        "--across-data", action="store_true", help="rank runs even if their data or test reviews differ"
    )
    forms = parser.add_mutually_exclusive_group()
    for form, name in (("csv", "CSV"), ("latex", "LaTeX"), ("markdown", "Markdown")):
        text = f"print the table as {name}"
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=text)
    forms.add_argument("--json", dest="form", action="store_const", const="json", help="print one JSON document")
    parser.add_argument("--report", metavar="FILE.html", help="also write a self-contained HTML report")
    parser.add_argument(
        "--page",
        metavar="FILE.md",
        help="write the result as a block of a Markdown page, with figures and a report in the folder FILE; replaces "
        "the block of the same command. Without HASH and --study: rewrite all blocks of the page",
    )
    parser.add_argument("--within", metavar="KEY", help="with --page: compare runs within each value of this setting")
    parser.add_argument(
        "--figure",
        action="append",
        default=[],
        choices=FIGURES,
        help="with --page: draw this figure (default: intervals); may be repeated",
    )
    add_folders(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    question = Question.from_options(options)
    if options.page:
        return _update_page(options, question)
    if question.within or question.figures:
        raise LabError("--within and --figure need --page FILE.md")
    return compare_runs(runs_folder(options), options.store, question, form=options.form, report=options.report)


def _update_page(options: argparse.Namespace, question: Question) -> int:
    from sentiment_lab.analysis.markdown.page import commands_in
    from sentiment_lab.cli.page import write_pages

    if options.form or options.report:
        raise LabError(
            "--page cannot be combined with --report or a table format: a page has its own tables and report"
        )
    named = question.hashes or question.study
    if not named and question != Question():
        raise LabError(
            "--page without HASH or --study rewrites the existing blocks and takes no other options; add one of the two"
        )
    commands = [] if named else commands_in(Path(options.page))
    questions = [question] if named else list(map(_parse_command, commands))
    return write_pages(runs_folder(options), options.store, options.page, questions)


def _parse_command(command: str) -> Question:
    """Return the question of a block's command, such as `sentiment-lab compare --study architectures`."""
    parser = argparse.ArgumentParser("sentiment-lab compare")
    _add_options(parser)
    return Question.from_options(parser.parse_args(shlex.split(command)[2:]))


def compare_runs(root: str, store: str, question: Question, *, form: str | None, report: str | None) -> int:
    """Compare runs and print the result.

    `form` is csv, latex, markdown or json, or None for tables in the terminal; `report` is the file of an HTML report.
    Raises LabError for runs that do not exist or are not comparable and, before runs are read, for a report that cannot
    be written.
    """
    target = _check_target(report) if report else None
    selection = question.select(Path(root).absolute(), store)
    comparison = question.answer(selection)
    if selection.note:
        print_message(selection.note)
    if target:  # first: standard output may be closed
        _write_report(comparison, target)
    _print(comparison, form)
    return 0


def _check_target(report: str) -> Path:
    """Return the path of the report.

    Raises LabError if it is a folder, StorageError if it cannot be written.
    """
    from tempfile import TemporaryFile

    from sentiment_lab.base.files import StorageError

    path = Path(report).absolute()
    if path.is_dir() or report.endswith("/"):
        raise LabError(f"--report must name a file, such as {path / 'report.html'}, got the folder {report}")
    try:
        with TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise StorageError(f"--report {report} cannot be written: {path.parent}: {error.strerror or error}") from error


def _write_report(comparison: Comparison, target: Path) -> None:
    from sentiment_lab.base.files import atomic_write
    from sentiment_lab.sweeps.report import build_page

    atomic_write(target, build_page(comparison, lambda ids: _read_texts(comparison, ids), print_message).page)
    print_message(f"report: {target}")


def _read_texts(comparison: Comparison, ids: Collection[str]) -> dict[str, str]:
    """Return reviews by id from the data of the best variant's first run."""
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.config.resources import cache_folder
    from sentiment_lab.data.texts import read_texts

    first = next(iter(comparison.best.variant.runs.values()))
    config = compose_config(first.folder.overrides())
    return read_texts(config.data, cache_folder(config), ids)


def _print(comparison: Comparison, form: str | None) -> None:
    from sentiment_lab.analysis.export import to_csv, to_latex, to_markdown, to_plain
    from sentiment_lab.analysis.terminal import render_comparison

    if form == "json":
        print(json.dumps(to_plain(comparison), indent=2))
    elif form == "csv":
        print(to_csv(comparison), end="")
    elif form == "latex":
        print(to_latex(comparison), end="")
    elif form == "markdown":
        print(to_markdown(comparison))
    else:
        render_comparison(console(stderr=False), comparison)
