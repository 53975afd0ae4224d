"""What an embedding starts from where `text.embedding_init` is not uniform: vectors from text, fitted before training.

`cooccurrence` takes the vectors of `cooccurrence.py`, from the training part and from the unlabelled reviews where
`data.unlabelled` reads them. `cooccurrence_nb` replaces the last dimension by the naive-Bayes log-ratio of each word
(Wang and Manning, ACL 2012), from the labels of the training part. Neither uses validation or test.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.portable import is_portable
from sentiment_lab.data.cache import VECTORS, CacheEntry, entry_folder
from sentiment_lab.data.cooccurrence import COOCCURRENCE_VERSION, word_vectors
from sentiment_lab.data.token_sequences import TokenSequences

INITIAL_VERSION = 1
"""Raised with every change of what is computed here: vectors cached under another version are not used."""
RATIO_SCALE = 0.5
"""Times the log-ratio. Its standard deviation over the words of IMDB, 0.76, becomes two and a half times that of the
other dimensions, so that the first steps of a training use it."""
SMOOTHING = 1.0
"""Added to each count, so that a word of one label alone has a finite ratio."""

_FILE = "vectors.npy"

Method = Literal["cooccurrence", "cooccurrence_nb"]


def initial_vectors(
    method: Method,
    train: TokenSequences,
    labels: NDArray[np.int8],
    unlabelled: TokenSequences | None,
    *,
    vocabulary_size: int,
    size: int,
    cache: Path,
) -> NDArray[np.float32]:
    """Return a vector for each token id, (vocabulary_size, size) float32; zeros for one without neighbours.

    `train` and `unlabelled` hold the texts in full; `labels` (texts,) are those of `train`. Vectors that were computed
    before are read from the cache. Raises DataError where the cache folder cannot be written.
    """
    texts = train if unlabelled is None else train.concat(unlabelled)
    inputs = {"texts": texts.digest(), "labels": hashlib.sha256(labels.tobytes()).hexdigest()}
    versions = {"cooccurrence": COOCCURRENCE_VERSION, "initial": INITIAL_VERSION}
    if is_portable():  # other kernels, other bits
        versions["portable"] = 1
    entry = CacheEntry(
        entry_folder(cache, VECTORS, method=method, words=vocabulary_size, size=size, **inputs, **versions),
        (_FILE,),
        lambda: _compute(method, texts, train, labels, vocabulary_size, size),
        lambda vectors, folder: np.save(folder / _FILE, vectors),
    )
    vectors: NDArray[np.float32] = np.load(io.BytesIO(entry.content(_FILE)), allow_pickle=False)
    return vectors


def log_ratios(texts: TokenSequences, labels: NDArray[np.int8], vocabulary_size: int) -> NDArray[np.float32]:
    """Return log(P(token | positive) / P(token | negative)) of each token id; 0 for padding and unknown."""
    label_of_token = np.repeat(labels, texts.lengths).astype(np.bool_)
    shares = []
    for tokens in (texts.ids[label_of_token], texts.ids[~label_of_token]):
        counts = np.bincount(tokens, minlength=vocabulary_size) + SMOOTHING
        shares.append(counts / counts.sum())
    ratios: NDArray[np.float32] = np.log(shares[0] / shares[1]).astype(np.float32)
    ratios[:2] = 0
    return ratios


def _compute(
    method: Method,
    texts: TokenSequences,
    train: TokenSequences,
    labels: NDArray[np.int8],
    vocabulary_size: int,
    size: int,
) -> NDArray[np.float32]:
    if method == "cooccurrence":
        return word_vectors(texts, vocabulary_size, size)
    vectors = np.empty((vocabulary_size, size), np.float32)
    vectors[:, :-1] = word_vectors(texts, vocabulary_size, size - 1)
    vectors[:, -1] = RATIO_SCALE * log_ratios(train, labels, vocabulary_size)
    return vectors
