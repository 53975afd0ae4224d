"""Terminal output: results on standard output, messages on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 140
"""Columns of a table that is written to a file or a pipe."""


def console(*, stderr: bool = True) -> Console:
    """Return the console for messages (standard error) or, with `stderr=False`, for results (standard output)."""
    from rich.console import Console  # takes 0.05 s, which `--help` and `--version` save

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if terminal else WIDTH)


def print_message(line: str) -> None:
    """Print a message to standard error. Brackets in it are text, not markup."""
    console().print(line, markup=False)
