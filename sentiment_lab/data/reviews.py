"""The reviews of a corpus: what they are called, how they are checked, and the hash of what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sentiment_lab.base.errors import LabError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

POSITIVE, NEGATIVE = 1, 0


class DataError(LabError):
    """Reviews that cannot be read or used; the text names the file and, where there is one, the row."""


@dataclass(frozen=True)
class Corpus:
    """Labelled reviews, and texts without a label where they were asked for.

    `reviews` has a row for each labelled review, in the order of its source:
    `id` (text; 16 hexadecimal digits of the text's SHA-256, with ".2", ".3", ... behind the second and later copies of
    one text, so that an id means the same review in whatever file or order), `label` (int8; 1 positive, 0 negative),
    `film` (text or missing), `part` ("train", "test" or missing: the official split), `origin` (text; where in the
    source it stands, for messages).

    The texts are loaded when they are first used: a run on encoded reviews from the cache never needs them.
    """

    name: str
    reviews: pd.DataFrame
    data_hash: str
    """SHA-256 of the set of (review, label) pairs, whatever their order."""
    load_texts: Callable[[], list[str]]
    load_unlabelled: Callable[[], list[str]]

    @cached_property
    def texts(self) -> list[str]:
        """Texts of the labelled reviews, in the order of `reviews`."""
        return self.load_texts()

    @cached_property
    def unlabelled(self) -> list[str]:
        """Texts of the reviews without a label."""
        return self.load_unlabelled()

    @cached_property
    def order_hash(self) -> str:
        """SHA-256 of the (id, label) pairs in order: two corpora that agree in it are encoded alike."""
        pairs = zip(self.reviews["id"].tolist(), self.reviews["label"].tolist(), strict=True)
        return hashlib.sha256("\n".join(f"{name} {label}" for name, label in pairs).encode()).hexdigest()


def text_digest(text: str) -> str:
    """Return the SHA-256 of a review's text, without the white space around it."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


def review_ids(digests: Iterable[str]) -> list[str]:
    """Return an id for each text digest: its first 16 digits, numbered from the second copy on."""
    seen: dict[str, int] = {}
    ids = []
    for digest in digests:
        copy = seen[digest] = seen.get(digest, 0) + 1
        ids.append(digest[:16] if copy == 1 else f"{digest[:16]}.{copy}")
    return ids


def data_hash(digests: Iterable[str], labels: Iterable[int] | np.ndarray) -> str:
    """Return the SHA-256 of the (review, label) pairs as a multiset: order, file and format leave it as it is."""
    pairs = sorted(f"{digest} {label}" for digest, label in zip(digests, labels, strict=True))
    return hashlib.sha256("\n".join(pairs).encode()).hexdigest()
