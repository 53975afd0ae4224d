"""The page of a sweep, in the sweep's folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_write, storage_errors
from sentiment_lab.config.settings import Config

if TYPE_CHECKING:
    from sentiment_lab.analysis.report.page import Report
    from sentiment_lab.analysis.report.sections import ReadTexts
    from sentiment_lab.explain.explanation import Method

PAGE, FIGURES = "report.html", "figures"
MOST_EXPLAINED = 3
"""Mistakes that a page explains."""


def write_report(comparison: Comparison, config: Config, folder: Path, print_message: Callable[[str], None]) -> None:
    """Write the page and its figures into a sweep's folder and say where; what fails in it is said too, not raised.

    `config` is that of any of the sweep's runs: it says where the reviews are.
    """
    try:
        _write(comparison, config, folder, print_message)
    except Exception as error:  # noqa: BLE001  # the sweep is done, whatever its page lacks
        reason = str(error).partition("\n")[0]
        print_message(
            f"no report ({type(error).__name__}: {reason}); sentiment-lab compare {folder.name} --report FILE.html"
        )
        return
    print_message(f"report: {folder / PAGE}")


def read_report(folder: Path) -> dict[str, str]:
    """Return the page, the figures and what a search found that are in a sweep's folder, by name."""
    found = [*folder.glob(PAGE), *sorted(folder.glob(f"{FIGURES}/*.svg")), *sorted(folder.glob("search/*"))]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def build_page(comparison: Comparison, read_texts: ReadTexts, print_message: Callable[[str], None]) -> Report:
    """Build the page with the worst mistakes of the best variant explained, where its model and the texts are there."""
    from sentiment_lab.analysis.report.page import build_report
    from sentiment_lab.explain.html import explanation_css

    try:
        explanations = explain_mistakes(comparison, read_texts)
    except LabError as error:
        print_message(f"no mistakes are explained: {error}")
        explanations = []
    return build_report(comparison, read_texts, explanations, explanation_css())


def explain_mistakes(comparison: Comparison, read_texts: ReadTexts) -> list[Markup]:
    """Explain the mistakes of which the best variant's first run was surest, as fragments of HTML.

    By occlusion, which is quick for a network that is not traced yet. Raises LabError where the texts or the model
    cannot be read.
    """
    runs = {
        block: run for block, run in comparison.best.variant.runs.items() if run.short_hash in comparison.predictions
    }
    if not runs:
        return []
    block, run = next(iter(runs.items()))
    answers = comparison.predictions[run.short_hash]
    wrong = np.flatnonzero(~answers.correct)
    worst = wrong[np.argsort(-np.abs(answers.probabilities[wrong] - 0.5), kind="stable")][:MOST_EXPLAINED]
    texts = read_texts([str(answers.ids[place]) for place in worst]) if len(worst) else {}
    known = [place for place in worst if str(answers.ids[place]) in texts]
    return _explained(f"{comparison.best.label} {block} ({run.short_hash})", run, answers, known, texts)


def _explained(
    name: str, run: StudyRun, answers: TestPredictions, places: Sequence[int], texts: Mapping[str, str]
) -> list[Markup]:
    if not places:
        return []
    from sentiment_lab.explain.explainers import explain_texts
    from sentiment_lab.explain.html import explanation_html
    from sentiment_lab.models.classifier import load_classifier
    from sentiment_lab.serving import LABELS

    method: Method | None = "occlusion" if run.config.get("model.family") == "recurrent" else None
    chosen = [texts[str(answers.ids[place])] for place in places]
    explanations = explain_texts(load_classifier(run.folder.model), chosen, method)
    said = Markup("<p>{} is labelled {}, and {} calls it {}.</p>")
    return [
        said.format(
            f"Review {answers.ids[place]}",
            LABELS[int(answers.labels[place])],
            name,
            LABELS[1 - int(answers.labels[place])],
        )
        + explanation_html(explanation)
        for place, explanation in zip(places, explanations, strict=True)
    ]


def _write(comparison: Comparison, config: Config, folder: Path, print_message: Callable[[str], None]) -> None:
    from sentiment_lab.config.resources import cache_folder
    from sentiment_lab.data.texts import read_texts

    report = build_page(comparison, lambda ids: read_texts(config.data, cache_folder(config), ids), print_message)
    figures = folder / FIGURES
    with storage_errors(figures):
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir()
    for name, text in report.figures.items():
        atomic_write(figures / name, text)
    atomic_write(folder / PAGE, report.page)
