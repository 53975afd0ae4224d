"""Tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

DASH = "–"  # noqa: RUF001  # a dash is meant


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash where there is none."""
    return DASH if value is None or math.isnan(value) else f"{100 * value:.2f} %"


def render(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
    """Print a table; the first `left` columns are text, the others numbers. In a narrow terminal the widest are cut.

    Rich has tables too; they take a second for each thousand rows, and cut every column alike, hashes too.
    """
    cells = [[_printable(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    # Each column has a space on either side, and there is one before, between and after them.
    widths = _narrowed(widths, console.width - 3 * len(widths) - 1)
    lines = [_line(row, widths, left) for row in cells]
    rule = " " + ("-" if console.options.ascii_only else "─") * (sum(widths) + 3 * len(widths) - 1)
    text = Text("\n").append(f"{lines[0]}\n", "bold").append("\n".join([rule, *lines[1:]]) + "\n")
    console.print(text, highlight=False, soft_wrap=True)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """Return widths that fit: the widest columns are made equal to one character, the others stay."""
    limit = max(widths)
    while limit > 1 and sum(min(width, limit) for width in widths) > room:
        limit -= 1
    narrowed = [min(width, limit) for width in widths]
    cut = [index for index, width in enumerate(widths) if width > limit]
    for index in cut[: max(0, room - sum(narrowed))]:
        narrowed[index] += 1
    return narrowed


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = zip(row, widths, strict=True)
    return ("  " + "   ".join(_cell(text, width, index < left) for index, (text, width) in enumerate(cells))).rstrip()


def _cell(text: str, width: int, left: bool) -> str:
    missing = width - cell_len(text)
    if missing < 0:
        return set_cell_size(text, width - 1) + "…"
    return text + " " * missing if left else " " * missing + text
