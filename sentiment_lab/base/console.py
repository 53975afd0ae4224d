"""The terminal: messages on standard error, results on standard output."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH = 140
"""Columns of a table that goes into a file or a pipe."""


def console(*, stderr: bool = True) -> Console:
    """Return the terminal for messages; they go to standard error, so that standard output holds results alone."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if terminal else WIDTH)


def print_message(line: str) -> None:
    """Show one message."""
    console().print(line, markup=False)
