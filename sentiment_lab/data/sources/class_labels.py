"""From the labels that a file contains to the two classes."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.source_data import LABELS
from sentiment_lab.data.tables.header import shortened

_SHOWN = 8
"""Labels in a message."""


def label_key(label: str) -> str:
    """Return the form in which two labels are the same: without case and surrounding spaces, 1.0 as 1."""
    key = label.strip().casefold()
    try:
        number = float(key)
    except ValueError:
        return key
    return str(int(number)) if number.is_integer() else key


def natural_order(label: str) -> tuple[int, float, list[tuple[int, str]]]:
    """Return a sort key: numbers by value, then other labels with the numbers in them by value."""
    try:
        return 0, float(label), []
    except ValueError:
        words = [word for word in re.split(r"(\d+)", label) if word]
        return 1, 0.0, [(int(word), "") if word.isdecimal() else (-1, word) for word in words]


def class_of_labels(found: Iterable[str], labels: Mapping[str, str] | None, source: str) -> dict[str, int]:
    """Return the class of each label by its `label_key`: 1 positive, 0 negative.

    Without a mapping `labels`, the two labels that were found are the classes, in natural order. Raises DataError
    where there are more, and for a mapping with two classes for one label.
    """
    if labels is not None:
        return _mapped(labels)
    counts = Counter(found)
    keys = sorted(counts, key=natural_order)
    if len(keys) > len(LABELS):
        raise DataError(
            f"{source} has {len(keys)} labels: {listed_counts(counts)}; more than two classes are not supported yet. "
            f"Map labels to two, such as {proposed_mapping(keys)}"
        )
    return {key: place for place, key in enumerate(keys)}


def proposed_mapping(keys: list[str]) -> str:
    """Return overrides that map labels, in natural order, to two classes; of an odd number the middle one is not."""
    half = len(keys) // 2
    shown = keys if len(keys) <= _SHOWN else [keys[0], keys[-1]]
    names = {key: "negative" if keys.index(key) < half else "positive" for key in shown}
    if len(keys) % 2 and len(keys) <= _SHOWN:
        del names[keys[half]]
    dropped = " data.unmapped=drop" if len(names) < len(keys) else ""
    if not all(map(str.isascii, names)):
        entries = ", ".join(f'"{key}": {name}' for key, name in names.items())
        return f"+experiments=FILE{dropped}, where FILE.yaml has `data: {{labels: {{{entries}}}}}`"
    entries = ", ".join(f"{_escaped(key)}: {name}" for key, name in names.items())
    return f"{shlex.quote(f'data.labels={{{entries}}}')}{dropped}"


def listed_counts(counts: Mapping[str, int]) -> str:
    """Return labels with their numbers of texts, in natural order, the first few."""
    keys = sorted(counts, key=natural_order)
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(f"{shortened(key)} ({counts[key]:,})" for key in keys[:_SHOWN]) + more


def _mapped(labels: Mapping[str, str]) -> dict[str, int]:
    classes: dict[str, int] = {}
    for label, name in labels.items():
        if classes.setdefault(label_key(label), LABELS[name]) != LABELS[name]:
            raise DataError(f"data.labels maps {label_key(label)!r} to both negative and positive")
    return classes


def _escaped(key: str) -> str:
    """Return a key of a mapping on the command line, where Hydra knows no quotes around keys."""
    return re.sub(r"([\\()\[\]{}:=, ])", r"\\\1", key)
