"""The content of a source of reviews, and the checks that apply to every source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sentiment_lab.data.reviews import NEGATIVE, POSITIVE, DataError

LABELS = {"positive": POSITIVE, "negative": NEGATIVE}
"""Labels by their names in the Kaggle file."""


class Review(NamedTuple):
    """One labelled review of a source."""

    text: str
    label: int
    origin: str
    """Its place in the source, for messages."""
    film: str | None = None
    """The film, or the group of `data.group_column`."""
    part: str | None = None
    """Its part in the official split: train, test or, in data of the user's own, validation."""


@dataclass(frozen=True)
class SourceData:
    """The content of one source."""

    reviews: list[Review]
    unlabelled: list[str]
    ignored_files: int = 0
    """Files of the operating system or of tools that lay among the data."""
    notes: tuple[str, ...] = ()
    """What the user should know about the data, such as how many texts were dropped."""


def checked(data: SourceData, source: str) -> SourceData:
    """Return the data if a classifier can be trained on it.

    Raises DataError where there are no labelled reviews, or where all of them have one label.
    """
    labels = {review.label for review in data.reviews}
    if not labels:
        raise DataError(f"{source} has no labelled reviews")
    if len(labels) == 1:
        only = next(name for name, label in LABELS.items() if label in labels)
        raise DataError(f"{source} has only {only} reviews; both positive and negative ones are needed")
    return data


def checked_text(text: str, source: object, origin: str) -> str:
    """Return the text of a review; raises DataError for an empty one."""
    if not text.strip():
        raise DataError(f"{source}, {origin}: the review is empty")
    return text
