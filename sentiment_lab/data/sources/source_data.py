"""What every source of reviews yields, and the rules that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sentiment_lab.data.reviews import NEGATIVE, POSITIVE, DataError

LABELS = {"positive": POSITIVE, "negative": NEGATIVE}
"""The words for the labels, as the Kaggle file writes them."""


class Review(NamedTuple):
    """One labelled review as its source has it."""

    text: str
    label: int
    origin: str
    """Where in the source it stands, for messages."""
    film: str | None = None
    part: str | None = None
    """Its part in the official split: train or test."""


@dataclass(frozen=True)
class SourceData:
    """All that was read from one source."""

    reviews: list[Review]
    unlabelled: list[str]


def checked(reading: SourceData, source: str) -> SourceData:
    """Return the reading if it can train a classifier.

    Raises DataError where there are no labelled reviews, or where all of them have one label.
    """
    found = {review.label for review in reading.reviews}
    if not found:
        raise DataError(f"{source} holds no labelled reviews")
    if len(found) == 1:
        only = next(word for word, label in LABELS.items() if label in found)
        raise DataError(f"{source} holds only {only} reviews; both positive and negative ones are needed")
    return reading


def checked_text(text: str | None, source: object, origin: str) -> str:
    """Return a review's text if there is any; raises DataError for a missing or empty one."""
    if text is None or not text.strip():
        raise DataError(f"{source}, {origin}: the review is {'missing' if text is None else 'empty'}")
    return text
