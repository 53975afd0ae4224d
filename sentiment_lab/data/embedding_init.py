"""What an embedding starts from where `text.embedding_init` is not uniform: vectors from text, fitted before training.

`cooccurrence` takes the vectors of `cooccurrence.py`, from the training part and from the reviews without a label where
`data.unlabelled` reads them. `cooccurrence_nb` gives the last dimension to the naive-Bayes log-ratio of each word (Wang
and Manning, ACL 2012), from the labels of the training part. Neither looks at validation or test.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.files import atomic_write
from sentiment_lab.data.cooccurrence import COOCCURRENCE_VERSION, word_vectors

INITIAL_VERSION = 1
"""Raised with every change of what is computed here: vectors cached under another version are not used."""
RATIO_SCALE = 0.5
"""Times the log-ratio. Its standard deviation over the words of IMDB, 0.76, becomes two and a half times that of the
other dimensions, so that the first steps of a training see it."""
SMOOTHING = 1.0
"""Added to each count, so that a word of one label alone has a finite ratio."""

_DIGEST_SIZE = hashlib.sha256().digest_size

Method = Literal["cooccurrence", "cooccurrence_nb"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """Texts in full, as token ids. Text i has token_ids[offsets[i]:offsets[i + 1]]."""

    token_ids: NDArray[np.int32]
    """(tokens,)"""
    offsets: NDArray[np.int64]
    """(texts + 1,)"""

    def followed_by(self, other: EncodedTexts) -> EncodedTexts:
        """Return these texts and then the other's."""
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        return EncodedTexts(np.concatenate([self.token_ids, other.token_ids]), offsets)

    def digest(self) -> str:
        """Return the SHA-256 of all ids and offsets."""
        return hashlib.sha256(self.token_ids.tobytes() + self.offsets.tobytes()).hexdigest()


def initial_vectors(
    method: Method,
    train: EncodedTexts,
    labels: NDArray[np.int8],
    unlabelled: EncodedTexts | None,
    *,
    vocabulary_size: int,
    size: int,
    cache: Path,
) -> NDArray[np.float32]:
    """Return a vector for each token id, (vocabulary_size, size) float32; zeros for one that nothing is known of.

    `labels` (texts,) are those of `train`. What was computed before is read from the cache.
    """
    texts = train if unlabelled is None else train.followed_by(unlabelled)
    settings = [method, texts.digest(), hashlib.sha256(labels.tobytes()).hexdigest(), vocabulary_size, size]
    key = json.dumps([*settings, COOCCURRENCE_VERSION, INITIAL_VERSION])
    path = cache / "vectors" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.bin"
    vectors = _read(path)
    if vectors is None:
        vectors = _compute(method, texts, train, labels, vocabulary_size, size)
        _write(path, vectors)
    return vectors


def log_ratios(texts: EncodedTexts, labels: NDArray[np.int8], vocabulary_size: int) -> NDArray[np.float32]:
    """Return log(P(token | positive) / P(token | negative)) of each token id; 0 for padding and unknown."""
    label_of_token = np.repeat(labels, np.diff(texts.offsets)).astype(np.bool_)
    shares = []
    for tokens in (texts.token_ids[label_of_token], texts.token_ids[~label_of_token]):
        counts = np.bincount(tokens, minlength=vocabulary_size) + SMOOTHING
        shares.append(counts / counts.sum())
    ratios: NDArray[np.float32] = np.log(shares[0] / shares[1]).astype(np.float32)
    ratios[:2] = 0
    return ratios


def _compute(
    method: Method,
    texts: EncodedTexts,
    train: EncodedTexts,
    labels: NDArray[np.int8],
    vocabulary_size: int,
    size: int,
) -> NDArray[np.float32]:
    if method == "cooccurrence":
        return word_vectors(texts.token_ids, texts.offsets, vocabulary_size, size)
    vectors = np.empty((vocabulary_size, size), np.float32)
    vectors[:, :-1] = word_vectors(texts.token_ids, texts.offsets, vocabulary_size, size - 1)
    vectors[:, -1] = RATIO_SCALE * log_ratios(train, labels, vocabulary_size)
    return vectors


def _read(path: Path) -> NDArray[np.float32] | None:
    """Return the vectors in a file, or None where it is missing, truncated or otherwise damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, array = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(array).digest() != digest:
        log.warning("%s is damaged; its word vectors are computed again", path)
        return None
    vectors: NDArray[np.float32] = np.load(io.BytesIO(array), allow_pickle=False)
    return vectors


def _write(path: Path, vectors: NDArray[np.float32]) -> None:
    file = io.BytesIO()
    np.save(file, vectors)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, hashlib.sha256(file.getvalue()).digest() + file.getvalue())
