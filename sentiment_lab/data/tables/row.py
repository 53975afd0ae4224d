"""One row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A row with its place in the file."""

    number: int
    """As in a spreadsheet: the header of a table as text is row 1. In Parquet, the first row is 1."""
    line: int | None
    """The line of a text file where the row ends, from 1."""
    cells: Sequence[str]

    @property
    def origin(self) -> str:
        """Its place, for messages."""
        return f"row {self.number}" + (f" (line {self.line})" if self.line is not None else "")
