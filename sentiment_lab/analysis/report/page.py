"""One self-contained HTML page that answers a study's question, without network access and scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sentiment_lab import __version__
from sentiment_lab.analysis.agreement import VariantPredictions, group_predictions
from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.plots.style import DARK, LIGHT, svg_style
from sentiment_lab.analysis.report.sections import (
    NO_PREDICTIONS,
    OTHER_REVIEWS,
    ReadTexts,
    agreement_table,
    confusion_tables,
    draw_charts,
    find_excerpts,
    find_recipes,
    tag_rows,
)
from sentiment_lab.analysis.table import COST, MOST_PAIRS, cells, headings, left_columns, pair_table, shown_metrics
from sentiment_lab.analysis.verdict import caveats, verdict

MOST_SHOWN = 12
"""Largest number of variants in the figures; of more, the best ones."""

TEMPLATE = "page.html"

_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates of text direction."""


@dataclass(frozen=True)
class Report:
    """The page, and its figures as separate files."""

    page: str
    figures: Mapping[str, str]
    """SVG text by file name."""


@dataclass(frozen=True)
class Table:
    """A table as text; the first `left` columns contain text, the others numbers."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int


def build_report(
    comparison: Comparison,
    read_texts: ReadTexts | None = None,
    explanations: Sequence[Markup] = (),
    explanations_css: str = "",
    *,
    elsewhere: bool = False,
) -> Report:
    """Draw the figures and render the page of a comparison; `elsewhere` is for readers on other machines.

    `read_texts` returns reviews by id, for excerpts. `explanations` are safe fragments of HTML, `explanations_css` is
    their style sheet.
    """
    ranked = comparison.ranked[:MOST_SHOWN]
    variants = group_predictions(ranked, comparison.predictions)
    with svg_style():
        sections = draw_charts(comparison, ranked, variants)
    page = _render(
        **_about_study(comparison, elsewhere=elsewhere),
        **_about_reviews(variants),
        charts=sections,
        excerpts=find_excerpts(variants, read_texts),
        shown=len(ranked),
        most_pairs=MOST_PAIRS,
        explanations=explanations,
        explanations_css=Markup(explanations_css),  # noqa: S704  # our own style sheet
        colours={"light": LIGHT, "dark": DARK},
        version=__version__,
    )
    charts = [chart for section in sections.values() for chart in section.charts.values()]
    return Report(page, {f"{chart.name}.svg": _displayable(chart.standalone) for chart in charts})


def _about_study(comparison: Comparison, *, elsewhere: bool) -> dict[str, Any]:
    selection = comparison.selection
    selected = selection.sweep or (f"--study {selection.study}" if "," not in selection.study else "HASH...")
    runs = [run for row in comparison.rows for run in row.variant.runs.values()]
    return {
        "study": selection.study,
        "title": selection.question or f"Which variant of {selection.study} is best?",
        "verdict": verdict(comparison),
        "caveats": caveats(comparison, elsewhere=elsewhere),
        "metric": comparison.metric,
        "variants": _tables(comparison),
        "tags": tag_rows(comparison.rows),
        "pairs": Table(
            "Differences of the means over seeds",
            *pair_table(comparison, comparison.pairs),
            left=1,
        ),
        "recipes": find_recipes(comparison.rows, elsewhere=elsewhere),
        "runs": len(runs),
        "data": sorted({run.outcome.data_hash[:12] for run in runs}),
        "again": f"sentiment-lab compare {selected} --report report.html",
    }


def _tables(comparison: Comparison) -> list[Table]:
    """Return quality and cost of the variants as separate tables, each narrow enough for a screen."""
    all_shown, compared = shown_metrics(comparison), comparison.metric.name
    costs = [metric for metric in all_shown if metric.name in COST and metric.name != compared]
    groups = {"Quality": [metric for metric in all_shown if metric not in costs], "Cost": costs}
    return [
        Table(
            caption,
            ["#", *headings(comparison, metrics)],
            [[str(number), *cells(comparison, row, metrics)] for number, row in enumerate(comparison.rows, 1)],
            left_columns(comparison) + 1,
        )
        for caption, metrics in groups.items()
    ]


def _about_reviews(variants: Sequence[VariantPredictions]) -> dict[str, Any]:
    shares = agreement_table(variants)
    return {
        "confusion": confusion_tables(variants),
        "agreement": shares,
        "no_agreement": "" if shares else (OTHER_REVIEWS if variants else NO_PREDICTIONS),
        "tested": sorted({len(variant.reviews.ids) for variant in variants}),
    }


def _render(**content: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return _displayable(environment.get_template(TEMPLATE).render(content))


def _displayable(text: str) -> str:
    """Return a text that UTF-8 can encode, in which no name changes the direction of the text after it."""
    # A question may contain a lone surrogate, as JSON can write it.
    return _DIRECTION_MARKS.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode())
