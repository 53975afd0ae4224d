"""How a table is written, where that is not detected from its content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableForm:
    """What the user states about a table; the delimiter, the encoding and the header are those of text."""

    delimiter: str | None = None
    """One character; None: detected."""
    encoding: str | None = None
    """Name of an encoding in Python; None: UTF-8, or that of the byte-order mark."""
    header: bool = True
    """Whether the first row names the columns; else their names are their positions, "1", "2", ..."""
    unnamed: bool = False
    """Whether columns without a name are accepted, as the index that pandas writes; else they are refused."""
    advice: str = "save the file as UTF-8"
    """What to do where the encoding is another one."""


DETECTED = TableForm()
