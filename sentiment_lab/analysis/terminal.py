"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.table import COST, cells, headings, left_columns, pair_table, shown_metrics, shown_pairs
from sentiment_lab.analysis.verdict import caveats, verdict
from sentiment_lab.base.tables import render


def render_comparison(console: Console, comparison: Comparison) -> None:
    """Print the variants, their pairs, the verdict and its caveats."""
    _render_variants(console, comparison)
    pairs = shown_pairs(comparison)
    if pairs:
        render(console, *pair_table(comparison, pairs))
    console.print(verdict(comparison), highlight=False, markup=False)
    for caveat in caveats(comparison):
        console.print(f"note: {caveat}", highlight=False, markup=False)


def _render_variants(console: Console, comparison: Comparison) -> None:
    """Print one table of the variants, or separate tables of quality and cost if the terminal is too narrow."""
    metrics = shown_metrics(comparison)
    titles = headings(comparison, metrics)
    rows = [cells(comparison, row, metrics) for row in comparison.rows]
    widths = [max(map(len, column)) + 2 for column in zip(titles, *rows, strict=True)]
    groups = [metrics]
    if sum(widths) > console.width:
        groups = [[one for one in metrics if one.name not in COST], [one for one in metrics if one.name in COST]]
    for group in groups:
        rows = [cells(comparison, row, group) for row in comparison.rows]
        render(console, headings(comparison, group), rows, left_columns(comparison))
