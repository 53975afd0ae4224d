"""An explanation in the terminal: the text in colour, and all numbers without colour."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sentiment_lab.base.console import degrade
from sentiment_lab.explain.explanation import Explanation
from sentiment_lab.explain.token_rows import (
    TokenRow,
    baseline_text,
    method_name,
    prediction_text,
    read_text,
    signed,
    strongest,
    sum_text,
    token_rows,
)

# Foreground and background: legible on any background of the terminal.
_STYLES = {
    "positive": ("", "black on #dbeafe", "black on #93c5fd", "white on #2563eb", "bold white on #1e40af"),
    "negative": ("", "black on #fee2e2", "black on #fca5a5", "white on #dc2626", "bold white on #991b1b"),
}
_BAR = 10
"""Columns of a bar on either side."""
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BLOCKS_WIDTH = 60


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print the prediction, the text, the probability by token, the strongest tokens and the sum of contributions."""
    rows = token_rows(explanation)
    _line(console, prediction_text(explanation), style="bold")
    console.print()
    console.print(_text(explanation, rows), soft_wrap=False)
    if rows:
        _line(console, f"\nprobability after each token, 0 to 1: |{_sparkline(rows)}|")
        console.print(_table(rows, console.encoding))
    _line(console, read_text(explanation) + (" (in brackets)" if not all(explanation.known) else ""))
    _line(console, f"{method_name(explanation)}: {baseline_text(explanation)}; {sum_text(explanation)}")


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=False)


def _text(explanation: Explanation, rows: list[TokenRow]) -> Text:
    text = Text()
    gap = f"({len(explanation.unread):,} more)" if explanation.unread else ""
    if gap and explanation.keep == "last":
        text.append(gap, "dim").append(" ")
    for row in rows:
        text.append(_displayed(row), _STYLES[row.sign][row.level]).append(" ")
    if gap and explanation.keep == "first":
        text.append(gap, "dim")
    return text


def _table(rows: list[TokenRow], encoding: str) -> Table:
    shown = strongest(rows)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("", justify="right")
    table.add_column("strongest tokens" if len(shown) < len(rows) else "token", overflow="fold")
    table.add_column("probability after it", justify="right")
    table.add_column("contribution", justify="right")
    table.add_column("negative │ positive", no_wrap=True)
    for row in shown:
        # What the encoding lacks is replaced before the columns are measured.
        token = degrade(_displayed(row), encoding)
        cells = (str(row.position), token, f"{row.probability:.4f}", signed(row.contribution))
        table.add_row(*(Text(cell) for cell in cells), _bar(row))
    return table


def _bar(row: TokenRow) -> Text:
    length = round(abs(row.share) * _BAR)
    left, right = ("", "█" * length) if row.contribution > 0 else ("█" * length, "")
    colour = {"positive": "#3b82f6", "negative": "#ef4444"}[row.sign]
    return Text.assemble((left.rjust(_BAR), colour), "│", (right, colour))


def _displayed(row: TokenRow) -> str:
    return row.token if row.known else f"[{row.token}]"


def _sparkline(rows: list[TokenRow]) -> str:
    """Return a small chart: one block a token, or for the last of several tokens."""
    width = min(len(rows), _BLOCKS_WIDTH)
    chosen = [rows[(column + 1) * len(rows) // width - 1] for column in range(width)]
    return "".join(_BLOCKS[round(row.probability * (len(_BLOCKS) - 1))] for row in chosen)
