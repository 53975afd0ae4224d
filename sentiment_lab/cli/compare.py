"""`sentiment-lab compare`: which variant is better, by how much, and how sure that is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from sentiment_lab.analysis.comparison import Comparison, compare
from sentiment_lab.analysis.export import to_csv, to_latex, to_markdown, to_plain
from sentiment_lab.analysis.selection import Selection, select_hashes, select_study
from sentiment_lab.analysis.summaries import ACCURACY
from sentiment_lab.analysis.terminal import render_comparison
from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_write


@dataclass(frozen=True)
class Question:
    """Which runs are compared, and how."""

    hashes: Sequence[str] = ()
    study: str | None = None
    by: Sequence[str] = ()
    metric: str = ACCURACY
    sort: str | None = None
    across_data: bool = False
    within: str | None = None
    """The setting within whose values a page compares."""
    figures: Sequence[str] = ()
    """Those of a page."""

    @property
    def command(self) -> str:
        """The command that asks it."""
        words = ["sentiment-lab", "compare", *self.hashes]
        words += ["--study", self.study] if self.study else []
        for option, values in (("--by", self.by), ("--figure", self.figures)):
            words += [word for value in values for word in (option, value)]
        words += ["--metric", self.metric] if self.metric != ACCURACY else []
        words += ["--sort", self.sort] if self.sort else []
        words += ["--within", self.within] if self.within else []
        return shlex.join([*words, *(["--across-data"] if self.across_data else [])])

    def select(self, root: Path, store: str) -> Selection:
        """Return the runs.

        Raises LabError where they are not there.
        """
        if self.hashes and self.study:
            raise LabError("name hashes or --study: one of the two")
        return select_hashes(root, store, self.hashes) if self.hashes else select_study(root, store, self.study)

    def answer(self, selection: Selection) -> Comparison:
        """Compare runs.

        Raises LabError for runs that cannot be.
        """
        return compare(selection, by=self.by, metric=self.metric, sort=self.sort, across_data=self.across_data)


def compare_runs(root: str, store: str, question: Question, *, form: str | None, report: str | None) -> int:
    """Compare runs and print the answer.

    `form` is csv, latex, markdown or json, or None for tables in the terminal; `report` is a file for the page.
    Raises LabError for runs that are not there or cannot be compared, and for a page that cannot be written, before
    anything is read.
    """
    target = _checked_target(report) if report else None
    selection = question.select(Path(root).absolute(), store)
    comparison = question.answer(selection)
    if selection.note:
        print_message(selection.note)
    _print(comparison, form)
    if target:
        _write_report(comparison, target)
    return 0


def _checked_target(report: str) -> Path:
    """Return where the page goes.

    Raises LabError where it cannot be written.
    """
    path = Path(report).absolute()
    if path.is_dir() or report.endswith("/"):
        raise LabError(f"--report must name a file, such as {path / 'report.html'}; {report} is a folder")
    try:
        with TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise LabError(f"--report {report} cannot be written: {path.parent}: {error.strerror or error}") from error


def _write_report(comparison: Comparison, target: Path) -> None:
    from sentiment_lab.sweeps.report import build_page

    atomic_write(target, build_page(comparison, lambda ids: _read_texts(comparison, ids), print_message).page)
    print_message(f"report: {target}")


def _read_texts(comparison: Comparison, ids: Collection[str]) -> dict[str, str]:
    """Return reviews by id from where the best variant's first run had its data."""
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.config.resources import cache_folder
    from sentiment_lab.data.texts import read_texts

    run = next(iter(comparison.best.variant.runs.values()))
    config = compose_config(run.folder.overrides())
    return read_texts(config.data, cache_folder(config), ids)


def _print(comparison: Comparison, form: str | None) -> None:
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
