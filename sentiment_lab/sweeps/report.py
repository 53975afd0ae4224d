"""The report of a sweep: an HTML page and its figures in the sweep's folder."""

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
"""Misclassified reviews that a page explains."""


def write_report(comparison: Comparison, config: Config, folder: Path, print_message: Callable[[str], None]) -> None:
    """Write the page and its figures into a sweep's folder and print the path; errors are printed, not raised.

    `config` is that of any run of the sweep; it locates the reviews.
    """
    try:
        _write(comparison, config, folder, print_message)
    except Exception as error:  # noqa: BLE001  # the sweep is done, with or without its page
        reason = str(error).partition("\n")[0]
        print_message(
            f"no report ({type(error).__name__}: {reason}); "
            f"`sentiment-lab compare {folder.name} --report FILE.html` writes it"
        )
        return
    print_message(f"report: {folder / PAGE}")


def read_report(folder: Path) -> dict[str, str]:
    """Return the text of page, figures and search findings in a sweep's folder, by relative path."""
    paths = [*folder.glob(PAGE), *sorted(folder.glob(f"{FIGURES}/*.svg")), *sorted(folder.glob("search/*"))]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def build_page(comparison: Comparison, read_texts: ReadTexts, print_message: Callable[[str], None]) -> Report:
    """Build the page, with the worst mistakes of the best variant explained if model and texts are available."""
    from sentiment_lab.analysis.report.page import build_report
    from sentiment_lab.explain.html import explanation_css

    try:
        explanations = explain_mistakes(comparison, read_texts)
    except LabError as error:
        print_message(f"the report contains no explanations of mistakes: {error}")
        explanations = []
    return build_report(comparison, read_texts, explanations, explanation_css())


def explain_mistakes(comparison: Comparison, read_texts: ReadTexts) -> list[Markup]:
    """Explain the most confident mistakes of the best variant's first run, as fragments of HTML.

    Networks are explained by occlusion, which is fast without a traced graph. Raises LabError when the texts or the
    model cannot be read.
    """
    runs = {
        block: run for block, run in comparison.best.variant.runs.items() if run.short_hash in comparison.predictions
    }
    if not runs:
        return []
    block, run = next(iter(runs.items()))
    predictions = comparison.predictions[run.short_hash]
    wrong = np.flatnonzero(~predictions.correct)
    worst = wrong[np.argsort(-np.abs(predictions.probabilities[wrong] - 0.5), kind="stable")][:MOST_EXPLAINED]
    texts = read_texts([str(predictions.ids[index]) for index in worst]) if len(worst) else {}
    known = [index for index in worst if str(predictions.ids[index]) in texts]
    return _explained(f"{comparison.best.label} {block} ({run.short_hash})", run, predictions, known, texts)


def _explained(
    name: str, run: StudyRun, predictions: TestPredictions, indices: Sequence[int], texts: Mapping[str, str]
) -> list[Markup]:
    if not indices:
        return []
    from sentiment_lab.explain.explainers import explain_texts
    from sentiment_lab.explain.html import explanation_html
    from sentiment_lab.models.classifier import load_classifier
    from sentiment_lab.serving import LABELS

    method: Method | None = "occlusion" if run.config.get("model.family") == "recurrent" else None
    selected = [texts[str(predictions.ids[index])] for index in indices]
    explanations = explain_texts(load_classifier(run.folder.model), selected, method)
    heading = Markup("<p>{} is labelled {}; {} predicts {}.</p>")
    return [
        heading.format(
            f"Review {predictions.ids[index]}",
            LABELS[int(predictions.labels[index])],
            name,
            LABELS[1 - int(predictions.labels[index])],
        )
        + explanation_html(explanation)
        for index, explanation in zip(indices, explanations, strict=True)
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
