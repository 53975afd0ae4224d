"""The nearest of several names, for messages about a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice closest in spelling to `word`, or None when none is close."""
    found = difflib.get_close_matches(word.lower(), sorted(choices), n=1, cutoff=0.5)
    return found[0] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return '; did you mean X?' for the choice closest to `word`, or nothing."""
    guess = nearest(word, choices)
    return f"; did you mean {guess}?" if guess else ""
