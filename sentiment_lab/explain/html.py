"""Explanations as HTML: a fragment that any page may take in, and a page of its own that needs nothing else."""

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
    baseline,
    check,
    method_name,
    reading,
    signed,
    strongest,
    token_rows,
)

_WIDTH, _HEIGHT = 600, 100
"""Of the chart's own coordinates."""


def explanation_html(explanation: Explanation) -> Markup:
    """Return one explanation as an <article>, every text in it escaped; its page needs `explanation_css` once."""
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
            course=_course(rows),
            reading=reading(explanation),
            method=method_name(explanation),
            baseline=baseline(explanation),
            check=check(explanation),
        )
    )
    return Markup(html)  # noqa: S704  # the template has escaped what is not ours


def explanation_css() -> Markup:
    """Return the style of the fragments, each rule of which holds within them alone."""
    return Markup(_templates().get_template("explanation.css").render())  # noqa: S704  # our own file


def write_page(path: Path, explanations: Sequence[Explanation], run: str) -> None:
    """Write a page with the explanations of a run, whole or not at all: no script in it, nothing loaded from elsewhere.

    Raises StorageError when it cannot be written.
    """
    template = _templates().get_template("explanation_page.html")
    title = f"Why {explanations[0].architecture} {run} says so"
    atomic_write(path, template.render(title=title, run=run, explanations=explanations, css=explanation_css()) + "\n")


@functools.cache
def _templates() -> Environment:
    loader = PackageLoader("sentiment_lab.explain")
    environment = Environment(autoescape=True, loader=loader, undefined=StrictUndefined)
    environment.globals.update(signed=signed, explanation_html=explanation_html)
    return environment


def _course(rows: Sequence[TokenRow]) -> str:
    """Return the chart's points: one a token, the first at the left edge and the last at the right."""
    probabilities = [row.probability for row in rows]
    if len(probabilities) == 1:
        probabilities *= 2  # a line needs two points
    last = len(probabilities) - 1
    return " ".join(f"{_WIDTH * n / last:.1f},{_HEIGHT * (1 - p):.1f}" for n, p in enumerate(probabilities))
