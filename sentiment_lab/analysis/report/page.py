"""One self-contained page that answers a study's question: no network, no script."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sentiment_lab import __version__
from sentiment_lab.analysis.agreement import Panel, build_panels
from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.export import COST, cells, headings, pair_table, shown_metrics
from sentiment_lab.analysis.plots.style import DARK, LIGHT, drawing
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
from sentiment_lab.analysis.summaries import rank
from sentiment_lab.analysis.verdict import caveats, verdict

MOST_SHOWN = 12
"""Variants in the figures: of more, the best so many."""

TEMPLATE = "page.html"

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates of text direction."""


@dataclass(frozen=True)
class Report:
    """The page, and its figures as files of their own."""

    page: str
    figures: Mapping[str, str]
    """SVG text by file name."""


@dataclass(frozen=True)
class Table:
    """A table as text; the first `left` columns are words, the others numbers."""

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
    """Draw the figures and write the page of a comparison; `elsewhere` is for readers on other machines.

    `read_texts` returns reviews by id, for excerpts. `explanations` are fragments of HTML that are safe already,
    `explanations_css` what they look like.
    """
    ranked = sorted(comparison.rows, key=lambda row: rank(row, comparison.metric))[:MOST_SHOWN]
    panels = build_panels(ranked, comparison.answers)
    with drawing():
        sections = draw_charts(comparison, ranked, panels)
    page = _render(
        **_about_study(comparison, elsewhere=elsewhere),
        **_about_reviews(panels),
        charts=sections,
        excerpts=find_excerpts(panels, read_texts),
        shown=len(ranked),
        explanations=explanations,
        explanations_css=Markup(explanations_css),  # noqa: S704  # a style sheet of ours
        colours={"light": LIGHT, "dark": DARK},
        version=__version__,
    )
    drawn = [chart for section in sections.values() for chart in section.charts.values()]
    return Report(page, {f"{chart.name}.svg": _showable(chart.standalone) for chart in drawn})


def _about_study(comparison: Comparison, *, elsewhere: bool) -> dict[str, Any]:
    selection = comparison.selection
    chosen = selection.sweep or (f"--study {selection.study}" if "," not in selection.study else "HASH...")
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
        "again": f"sentiment-lab compare {chosen} --report report.html",
    }


def _tables(comparison: Comparison) -> list[Table]:
    """Return quality and cost of the variants, each narrow enough for a screen."""
    metrics, left = shown_metrics(comparison), len(comparison.columns) or 1
    both = {
        "Quality": [metric for metric in metrics if metric.name not in COST or metric is comparison.metric],
        "Cost": [metric for metric in metrics if metric.name in COST and metric is not comparison.metric],
    }
    return [
        Table(
            caption,
            ["#", *headings(comparison, chosen)],
            [[str(number), *cells(comparison, row, chosen)] for number, row in enumerate(comparison.rows, 1)],
            left + 1,
        )
        for caption, chosen in both.items()
    ]


def _about_reviews(panels: Sequence[Panel]) -> dict[str, Any]:
    agreeing = agreement_table(panels)
    return {
        "confusion": confusion_tables(panels),
        "agreement": agreeing,
        "no_agreement": "" if agreeing else (OTHER_REVIEWS if panels else NO_PREDICTIONS),
        "tested": sorted({len(panel.tested[0].ids) for panel in panels}),
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
    return _showable(environment.get_template(TEMPLATE).render(content))


def _showable(text: str) -> str:
    """Return a text that UTF-8 can hold and in which no name turns the direction of the words after it."""
    # A question may have half a character, as JSON can write it.
    return _TURNS.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode())
