"""Word vectors from co-occurrence counts: their PPMI, truncated by an SVD.

The count n(w, c) of word w near context c becomes the positive pointwise mutual information

    max(0, log(n(w, c) N / (n(w) n(c)^a)))      with n(c)^a scaled to the same sum, a = 0.75,

and the vectors are the left singular vectors of that matrix, times the root of the singular values (Levy, Goldberg and
Dagan, TACL 2015, the source of a, the root and the window). Contexts are the most frequent words alone: 2,000 of them
cover 85 % of the tokens of the IMDB reviews, and the matrix stays small enough to be dense.

The vectors are a function of the texts alone: products run on one thread, because BLAS may add in another order on two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sentiment_lab.data.token_sequences import TokenSequences
from sentiment_lab.data.vocabulary import UNKNOWN_ID

COOCCURRENCE_VERSION = 2
"""Raised with every change of the vectors that `word_vectors` returns."""
WINDOW = 5
"""Tokens to either side that count as neighbours; one at distance d counts 1 - (d - 1) / WINDOW."""
CONTEXTS = 2_000
SMOOTHING = 0.75
"""Power of a context's count, which tempers the score of rare contexts."""
SCALE = 0.15
"""Standard deviation of the vectors: five times that of Keras' uniform initial embeddings (docs/log.md)."""

_RESERVED = UNKNOWN_ID + 1  # padding and unknown
_OVERSAMPLING, _ITERATIONS = 16, 2
_NOISE = 1e-5
"""Singular values below this share of the first are rounding errors."""
_PIECE = 1_000_000  # tokens


def word_vectors(texts: TokenSequences, vocabulary_size: int, size: int) -> NDArray[np.float32]:
    """Return a vector for each token id: (vocabulary_size, size).

    Ids ascend with falling frequency. Padding, unknown and words without neighbours get zeros, and so do dimensions
    beyond the rank of the counts.
    """
    contexts = min(CONTEXTS, vocabulary_size - _RESERVED)
    information = _ppmi(count_neighbours(texts, vocabulary_size, contexts))
    with threadpool_limits(1):
        vectors = _truncated_svd(information, size)
    known = np.any(information > 0, axis=1)
    vectors[~known] = 0
    scale = vectors[known].std() if known.any() else 0
    return vectors * np.float32(SCALE / scale) if scale > 0 else vectors


def count_neighbours(texts: TokenSequences, vocabulary_size: int, contexts: int) -> NDArray[np.float32]:
    """Return how often each token id occurs near each of the first `contexts` words: (vocabulary_size, contexts)."""
    counts = np.zeros((vocabulary_size, contexts), np.float32)
    flat = counts.ravel()
    text_of_token = np.repeat(np.arange(len(texts), dtype=np.int32), texts.lengths)
    for start in range(0, len(texts.ids), _PIECE):
        # Pairs that begin in this piece; the second of a pair may lie in the next.
        ids, owners = texts.ids[start : start + _PIECE + WINDOW], text_of_token[start : start + _PIECE + WINDOW]
        for distance in range(1, WINDOW + 1):
            firsts = max(0, min(_PIECE, len(ids) - distance))
            left, right = ids[:firsts], ids[distance : distance + firsts]
            near = owners[:firsts] == owners[distance : distance + firsts]
            weight = np.float32(1 - (distance - 1) / WINDOW)
            for word, context in ((left, right), (right, left)):
                counted = near & (word >= _RESERVED) & (context >= _RESERVED) & (context < contexts + _RESERVED)
                cells = word[counted].astype(np.int64) * contexts + (context[counted] - _RESERVED)
                np.add.at(flat, cells, weight)
    return counts


def _ppmi(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn counts into their PPMI, in place: they may take hundreds of MB."""
    words, contexts = counts.sum(axis=1, dtype=np.float64), counts.sum(axis=0, dtype=np.float64)
    smoothed = contexts**SMOOTHING
    # Words and contexts that never occur are divided by 1: their counts are 0 anyway.
    counts /= np.where(words > 0, words, 1).astype(np.float32)[:, np.newaxis]
    counts /= np.where(smoothed > 0, smoothed / max(smoothed.sum(), 1), 1).astype(np.float32)
    # max(0, log x) = log max(1, x).
    np.maximum(counts, 1, out=counts)
    return np.log(counts, out=counts)


def _truncated_svd(matrix: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the `size` leading left singular vectors times the root of their values (Halko et al. 2011)."""
    rank = min(size, *matrix.shape)
    draws = np.random.Generator(np.random.PCG64(0)).standard_normal((matrix.shape[1], rank + _OVERSAMPLING), np.float32)
    basis = np.linalg.qr(matrix @ draws)[0]
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
    left, values, _ = np.linalg.svd(basis.T @ matrix, full_matrices=False)
    rank = int(np.sum(values[:rank] > _NOISE * values[0]))
    vectors = np.zeros((matrix.shape[0], size), np.float32)
    vectors[:, :rank] = (basis @ left[:, :rank]) * np.sqrt(values[:rank])
    return vectors
