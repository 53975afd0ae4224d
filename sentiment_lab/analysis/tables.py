"""Tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

DASH = "–"  # noqa: RUF001  # a dash is meant


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash where there is none."""
    return DASH if value is None or math.isnan(value) else f"{100 * value:.2f} %"


def render(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
    """Print a table; the first `left` columns are text, the others numbers."""
    table = Table(box=box.SIMPLE_HEAD)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)
