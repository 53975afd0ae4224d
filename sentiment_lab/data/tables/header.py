"""The names of a table's columns: compared without case and surrounding spaces, and checked."""

from __future__ import annotations

from collections.abc import Sequence

from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.data.reviews import DataError

_SHOWN, _LONGEST = 12, 40
"""Names in a message, and characters of a name or a cell."""


def normalized(name: str) -> str:
    """Return the form in which two names are the same column."""
    return name.strip().casefold()


def has_columns(names: Sequence[str], needed: Sequence[str]) -> bool:
    """Whether all the needed columns are among the names."""
    return {normalized(name) for name in needed} <= {normalized(name) for name in names}


def check_header(
    source: str, names: Sequence[str], needed: Sequence[str], hint: str, *, unnamed: bool = False
) -> list[str]:
    """Return the names without surrounding spaces.

    With `unnamed`, a column without a name is called "column 1" by its position. Raises DataError for a missing column,
    with the nearest name and the hint; for a column without a name; and for two with the same name.
    """
    if not has_columns(names, needed):
        raise missing_column(source, names, needed, hint)
    stripped = [name.strip() for name in names]
    if unnamed:
        stripped = [name or f"column {place}" for place, name in enumerate(stripped, start=1)]
    if "" in stripped:
        place = stripped.index("") + 1
        raise DataError(f"{source}: column {place} of {len(names)} has no name; name it in the header, or remove it")
    first: dict[str, int] = {}
    for place, name in enumerate(stripped, start=1):
        if (other := first.setdefault(normalized(name), place)) != place:
            raise DataError(f"{source}: columns {other} and {place} are both named {name}; rename or remove one")
    return stripped


def missing_column(source: str, names: Sequence[str], needed: Sequence[str], hint: str, note: str = "") -> DataError:
    """Return the error for a header without one of the needed columns; `note` describes the names."""
    missing = next(name for name in needed if not has_columns(names, [name]))
    columns = f"the column{'s' if len(needed) > 1 else ''} {' and '.join(needed)}"
    guess = did_you_mean(missing, [name.strip() for name in names if len(name) <= _LONGEST])
    return DataError(f"{source} must have {columns}, got {_listed(names)}{note}{guess}{hint}")


def shortened(text: str) -> str:
    """Return a cell as it is shown in a message: on one line, in quotes, its first characters."""
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}…"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(_shown(name.strip()) for name in names[:_SHOWN]) + more


def _shown(name: str) -> str:
    return name if name.isprintable() and 0 < len(name) <= _LONGEST else shortened(name)
