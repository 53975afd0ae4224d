"""Explanations as HTML: a fragment for any page, and a self-contained page."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sentiment_lab.base.files import atomic_write
from sentiment_lab.explain.explanation import Explanation
from sentiment_lab.explain.token_rows import (
    TokenRow,
    baseline_text,
    method_name,
    read_text,
    signed,
    strongest,
    sum_text,
    token_rows,
)

_WIDTH, _HEIGHT = 600, 100
"""Size of the chart in its own coordinates."""


def explanation_html(explanation: Explanation) -> Markup:
    """Return one explanation as an <article> with all text escaped; its page needs `explanation_css` once."""
    rows = token_rows(explanation)
    html = (
        _templates()
        .get_template("explanation.html")
        .render(
            e=explanation,
            rows=rows,
            strongest=strongest(rows),
            lowest=min(rows, key=lambda row: row.probability, default=None),
            highest=max(rows, key=lambda row: row.probability, default=None),
            curve=_curve(rows),
            read=read_text(explanation),
            method=method_name(explanation),
            baseline=baseline_text(explanation),
            total=sum_text(explanation),
        )
    )
    return Markup(html)  # noqa: S704  # the template escapes all text of users


def explanation_css() -> Markup:
    """Return the style of the fragments; every rule is limited to them."""
    return Markup(_templates().get_template("explanation.css").render())  # noqa: S704  # a file of the package


def write_page(path: Path, explanations: Sequence[Explanation], run: str) -> None:
    """Write a page with the explanations of a run atomically; it has no script and loads nothing from elsewhere.

    Raises StorageError when it cannot be written.
    """
    template = _templates().get_template("explanation_page.html")
    title = f"Predictions of {explanations[0].architecture} {run} explained"
    atomic_write(path, template.render(title=title, run=run, explanations=explanations, css=explanation_css()) + "\n")


@functools.cache
def _templates() -> Environment:
    loader = PackageLoader("sentiment_lab.explain")
    environment = Environment(autoescape=True, loader=loader, undefined=StrictUndefined)
    environment.globals.update(signed=signed, explanation_html=explanation_html)
    return environment


def _curve(rows: Sequence[TokenRow]) -> str:
    """Return the points of the chart: one a token, from the left edge to the right."""
    probabilities = [row.probability for row in rows]
    if len(probabilities) == 1:
        probabilities *= 2  # a line needs two points
    last = len(probabilities) - 1
    return " ".join(f"{_WIDTH * n / last:.1f},{_HEIGHT * (1 - p):.1f}" for n, p in enumerate(probabilities))
