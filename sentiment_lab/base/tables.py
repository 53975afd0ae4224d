"""Tables as plain text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from sentiment_lab.base.console import degrade

DASH = "–"  # noqa: RUF001  # a dash is meant


def percent(value: float | None) -> str:
    """Return a fraction in percent, such as "87.50 %", or a dash for None and NaN."""
    return DASH if value is None or math.isnan(value) else f"{100 * value:.2f} %"


def render(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
    """Print a table whose first `left` columns are aligned left and the others right.

    If it is wider than the console, the widest columns are cut. Rich's own tables take a second for each thousand rows
    and cut all columns alike, hashes included.
    """
    # What the encoding lacks is replaced before the columns are measured.
    cells = [[degrade(_printable(cell), console.encoding) for cell in row] for row in (headings, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    # Each column has a space on either side; one more space precedes, separates and follows the columns.
    widths = _fit_widths(widths, console.width - 3 * len(widths) - 1)
    lines = [_line(row, widths, left) for row in cells]
    rule = " " + "─" * (sum(widths) + 3 * len(widths) - 1)
    text = Text("\n").append(f"{lines[0]}\n", "bold").append("\n".join([rule, *lines[1:]]) + "\n")
    console.print(text, highlight=False, soft_wrap=True)


def _printable(text: str) -> str:
    """Escape line breaks and control characters, which would break the table or act on the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _fit_widths(widths: Sequence[int], available: int) -> list[int]:
    """Return widths that add up to at most `available`, by cutting the widest columns to the same width."""
    limit = max(widths)
    while limit > 1 and sum(min(width, limit) for width in widths) > available:
        limit -= 1
    fitted = [min(width, limit) for width in widths]
    cut = [index for index, width in enumerate(widths) if width > limit]
    for index in cut[: max(0, available - sum(fitted))]:
        fitted[index] += 1
    return fitted


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = zip(row, widths, strict=True)
    return ("  " + "   ".join(_cell(text, width, index < left) for index, (text, width) in enumerate(cells))).rstrip()


def _cell(text: str, width: int, left: bool) -> str:
    missing = width - cell_len(text)
    if missing < 0:
        return set_cell_size(text, width - 1) + "…"
    return text + " " * missing if left else " " * missing + text
