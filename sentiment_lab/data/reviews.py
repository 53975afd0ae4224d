"""The reviews of a corpus: their ids, and the hash of all of them."""

from __future__ import annotations

import hashlib
import json
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
    """Labelled reviews, and unlabelled texts where `data.unlabelled` asks for them.

    `reviews` has a row for each labelled review, in the order of its source:
    `id` (text; 16 hexadecimal digits of the text's SHA-256, followed by ".2", ".3", ... for the second and later copies
    of one text, so that an id denotes the same review in every file and order), `label` (int8; 1 positive, 0 negative),
    `film` (text or missing), `part` ("train", "validation", "test" or missing: the official split), `origin` (text; its
    place in the source, for messages). With `data.group_column`, the column `group` has the same values as `film`.

    The texts are loaded when they are first used: a run on cached tokens needs none.
    """

    name: str
    reviews: pd.DataFrame
    data_hash: str
    """SHA-256 of the set of (review, label) pairs, in any order."""
    load_texts: Callable[[], list[str]]
    load_unlabelled: Callable[[], list[str]]
    ignored_files: int = 0
    """Files of the operating system or of tools that lay among the data and were not read."""
    notes: tuple[str, ...] = ()
    """What the user should know about the data, such as how many texts were dropped."""

    @cached_property
    def texts(self) -> list[str]:
        """Texts of the labelled reviews, in the order of `reviews`."""
        return self.load_texts()

    @cached_property
    def unlabelled(self) -> list[str]:
        """Texts of the unlabelled reviews."""
        return self.load_unlabelled()

    @cached_property
    def order_hash(self) -> str:
        """SHA-256 of the (id, label) pairs in order: two corpora with the same hash have the same tokens."""
        pairs = zip(self.reviews["id"].tolist(), self.reviews["label"].tolist(), strict=True)
        return hashlib.sha256("\n".join(f"{name} {label}" for name, label in pairs).encode()).hexdigest()


def parts_hash(reviews: pd.DataFrame) -> str | None:
    """Return the SHA-256 of the parts and films of a corpus, in any order; None where no review has one."""
    columns = reviews[["id", "label", "part", "film"]]
    if columns[["part", "film"]].isna().all(axis=None):
        return None
    lines = sorted(json.dumps(row) for row in columns.astype(object).where(columns.notna(), None).to_numpy().tolist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def text_digest(text: str) -> str:
    """Return the SHA-256 of a review's text, without the white space around it."""
    return hashlib.sha256(text.strip().encode()).hexdigest()


def review_ids(digests: Iterable[str]) -> list[str]:
    """Return an id for each text digest: its first 16 digits, with a number from the second copy on."""
    seen: dict[str, int] = {}
    ids = []
    for digest in digests:
        copy = seen[digest] = seen.get(digest, 0) + 1
        ids.append(digest[:16] if copy == 1 else f"{digest[:16]}.{copy}")
    return ids


def check_expected(expect: str | None, found: str | None, source: object) -> None:
    """Raise DataError where the data_hash `found` of the reviews of `source` is not the required one; None is any."""
    if expect not in (None, found):
        raise DataError(
            f"data.expect is {expect}, but the reviews of {source} have the data_hash {found}; if you did not set "
            "data.expect, they changed after the command had read them: rerun it"
        )


def data_hash(digests: Iterable[str], labels: Iterable[int] | np.ndarray) -> str:
    """Return the SHA-256 of the (review, label) pairs as a multiset, which depends on no order, file or format."""
    pairs = sorted(f"{digest} {label}" for digest, label in zip(digests, labels, strict=True))
    return hashlib.sha256("\n".join(pairs).encode()).hexdigest()
