"""Labelled texts of the user's own, from tables or folders, and what of them can be used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sentiment_lab.config.settings import PARTS, TableData
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.class_labels import class_of_labels, label_key, listed_counts
from sentiment_lab.data.sources.source_data import LABELS, Review, SourceData
from sentiment_lab.data.tables.header import shortened

_EXAMPLES = 3
"""Places in a message."""


class LabelledText(NamedTuple):
    """A text as a file contains it."""

    text: str
    label: str
    origin: str
    """Its place in the source, for messages."""
    part: str = ""
    group: str = ""


def usable_texts(found: Sequence[LabelledText], data: TableData, source: str) -> SourceData:
    """Return the texts with their classes; the notes of the result report what was dropped.

    Raises DataError for an empty text, a label without class, another word than a part, a class with fewer than two
    texts.
    """
    notes: list[str] = []
    texts = _with_text(found, data.empty, source, notes)
    labels = [label_key(one.label) for one in texts]
    for one, label in zip(texts, labels, strict=True):
        if not label and data.unmapped == "error":
            raise DataError(f"{source}, {one.origin}: the label is empty")
    classes = class_of_labels(labels, data.labels, source)
    reviews = [
        Review(one.text, classes[label], one.origin, one.group.strip() or None, _part(one, source))
        for one, label in zip(texts, labels, strict=True)
        if label in classes or _is_dropped(one, data, source, classes)
        if label in classes
    ]
    dropped = Counter(label for label in labels if label not in classes)
    if dropped:
        notes.append(f"{_texts(dropped.total())} with other labels dropped: {listed_counts(dropped)}")
    _check_classes(reviews, classes, source)
    notes += [*_mapping_note(classes, labels), *_contradictions(reviews)]
    return SourceData(reviews, [], notes=tuple(notes))


def _with_text(found: Sequence[LabelledText], empty: str, source: str, notes: list[str]) -> list[LabelledText]:
    texts = [one for one in found if one.text.strip()]
    first = next((one for one in found if not one.text.strip()), None)
    if first is not None and empty == "error":
        raise DataError(f"{source}, {first.origin}: the text is empty; data.empty=drop leaves out such rows")
    if first is not None:
        notes.append(f"{_texts(len(found) - len(texts), 'empty text')} dropped, the first in {first.origin}")
    return texts


def _is_dropped(one: LabelledText, data: TableData, source: str, classes: Mapping[str, int]) -> bool:
    if data.unmapped == "drop":
        return True
    known = ", ".join(classes)
    raise DataError(
        f"{source}, {one.origin}: the label {shortened(one.label)} is not in data.labels ({known}); add it, or set "
        "data.unmapped=drop to leave out such rows"
    )


def _part(one: LabelledText, source: str) -> str | None:
    part = one.part.strip().lower()
    if part and part not in PARTS:
        raise DataError(f"{source}, {one.origin}: part must be {', '.join(PARTS)} or empty, got {shortened(one.part)}")
    return part or None


def _check_classes(reviews: Sequence[Review], classes: Mapping[str, int], source: str) -> None:
    if not reviews:
        raise DataError(f"{source} has no labelled texts")
    counts = Counter(review.label for review in reviews)
    for name, number in LABELS.items():
        keys = [key for key, value in classes.items() if value == number]
        written = f"label {' or '.join(map(shortened, keys))} ({name})" if keys else "second label"
        if counts[number] == 0:
            raise DataError(f"{source} has one class only: no text has {'the' if keys else 'a'} {written}")
        if counts[number] == 1:
            origin = next(review.origin for review in reviews if review.label == number)
            raise DataError(f"{source}, {origin}: this is the only text with the {written}; at least two are needed")


def _mapping_note(classes: Mapping[str, int], labels: Sequence[str]) -> list[str]:
    """Report which labels are which class, unless they have its name."""
    present = set(labels)
    keys: dict[str, list[str]] = {
        name: [key for key, one in classes.items() if one == number and key in present]
        for name, number in LABELS.items()
    }
    if all(found == [name] for name, found in keys.items()):
        return []
    return ["; ".join(f"{name} is {' or '.join(map(shortened, keys[name]))}" for name in ("negative", "positive"))]


def _contradictions(reviews: Sequence[Review]) -> list[str]:
    places: dict[str, dict[int, str]] = defaultdict(dict)
    for review in reviews:
        places[review.text.strip()].setdefault(review.label, review.origin)
    pairs = [" and ".join(found.values()) for found in places.values() if len(found) > 1]
    if not pairs:
        return []
    more = ", ..." if len(pairs) > _EXAMPLES else ""
    return [f"{_texts(len(pairs))} with both labels: {', '.join(pairs[:_EXAMPLES])}{more}"]


def _texts(count: int, name: str = "text") -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"
