"""The closest of several names, for messages about an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice closest in spelling to `name`, or None if no choice is close."""
    matches = difflib.get_close_matches(name.lower(), sorted(choices), n=1, cutoff=0.5)
    return matches[0] if matches else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return '; did you mean X?' for the choice closest to `name`, or an empty string."""
    guess = nearest(name, choices)
    return f"; did you mean {guess}?" if guess else ""
