"""`sentiment-lab compare --page FILE.md`: the result as a block of a Markdown page, with figures and a report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from sentiment_lab.analysis.markdown.block import write_block
from sentiment_lab.analysis.markdown.figures import Part, slug
from sentiment_lab.analysis.markdown.page import check_page, put_block
from sentiment_lab.analysis.markdown.provenance import runs_of
from sentiment_lab.analysis.report.page import build_report
from sentiment_lab.analysis.selection import Selection, split_by
from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_write, storage_errors
from sentiment_lab.cli.question import ACCURACY, Question
from sentiment_lab.runs.published import ENDING, lines_of

DEFAULT_FIGURES = ("intervals",)
"""Figures of a block whose command names none."""


def write_pages(root: str, store: str, page: str, questions: Sequence[Question]) -> int:
    """Write a block for each question into a page, and its figures, report and published runs into the page's folder.

    Raises LabError for runs that do not exist or are not comparable, and for figures that cannot be drawn of them; the
    block is then unchanged.
    """
    path = Path(page).absolute()
    if path.suffix != ".md":
        raise LabError(f"--page must name a Markdown file, such as experiments/answer.md, got {page}")
    check_page(path)
    for question in questions:
        selection = question.select(Path(root).absolute(), store)
        _write(path, question, selection)
        print_message(f"{page}: {question.command}")
    return 0


def _write(page: Path, question: Question, selection: Selection) -> None:
    within, folder = question.within or "", page.with_suffix("")
    groups = split_by(selection, within) if within else [(None, selection)]
    parts = [Part(value, question.answer(runs)) for value, runs in groups]
    # Two blocks of one study need different file names.
    name = f"{slug(selection.study)[:40]}-{hashlib.sha256(question.command.encode()).hexdigest()[:4]}"
    text, files = write_block(
        parts, within=within, figures=question.figures or DEFAULT_FIGURES, folder=quote(folder.name), name=name
    )
    if not within and question.metric == ACCURACY and "intervals" in (question.figures or DEFAULT_FIGURES):
        # The report has no review texts, because a page may be published and the reviews may not.
        files[f"{name}.html"] = build_report(parts[0].comparison, elsewhere=True).page
        text += f"\n\n[Report]({quote(folder.name)}/{name}.html): learning curves, calibration, agreement, mistakes."
    runs = f"[Runs]({quote(folder.name)}/{name}{ENDING})"
    text += f"\n\n{runs}: published records, from which `reproduce` works without the run folders."
    files[f"{name}{ENDING}"] = lines_of(run.folder for part in parts for run in runs_of(part.comparison))
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        atomic_write(folder / file, content)
    put_block(page, question.command, selection.question or f"What did {selection.study} find?", text)
    for path in folder.glob(f"{name}*"):
        if path.name not in files:  # a figure that the block no longer has
            path.unlink()
