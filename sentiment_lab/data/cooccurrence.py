"""Word vectors from the company that words keep: PPMI of co-occurrence counts, truncated by an SVD.

How often word w stands near context c, n(w, c), becomes the positive pointwise mutual information

    max(0, log(n(w, c) N / (n(w) n(c)^a)))      with n(c)^a scaled to the same sum, a = 0.75,

and the vectors are the left singular vectors of that matrix, times the root of the singular values (Levy, Goldberg and
Dagan, TACL 2015, from whom a, the root and the window come). Contexts are the most frequent words alone: 2,000 of them
cover 85 % of the tokens of the IMDB reviews, and the matrix stays small enough to be dense.

Everything is a function of the texts: products run on one thread, because BLAS may add in another order on two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

COOCCURRENCE_VERSION = 2
"""Raised with every change of what `word_vectors` returns."""
WINDOW = 5
"""Tokens to either side that count as near; one at distance d counts 1 - (d - 1) / WINDOW."""
CONTEXTS = 2_000
SMOOTHING = 0.75
"""Power of a context's count, which tempers the score of rare contexts."""
SCALE = 0.15
"""Standard deviation of what is returned: five times that of Keras' uniform initial embeddings (docs/log.md)."""

_RESERVED = 2  # padding and unknown
_OVERSAMPLING, _ITERATIONS = 16, 2
_NOISE = 1e-5
"""Singular values below this share of the first are rounding errors."""
_PIECE = 1_000_000  # tokens


def word_vectors(
    token_ids: NDArray[np.int32], offsets: NDArray[np.int64], vocabulary_size: int, size: int
) -> NDArray[np.float32]:
    """Return a vector for each token id, (vocabulary_size, size), from texts (tokens,) that begin at `offsets`.

    Ids ascend with falling frequency. Padding, unknown and words without company get zeros, and so do dimensions
    beyond the rank of the counts.
    """
    contexts = min(CONTEXTS, vocabulary_size - _RESERVED)
    information = _ppmi(count_neighbours(token_ids, offsets, vocabulary_size, contexts))
    with threadpool_limits(1):
        vectors = _truncated_svd(information, size)
    known = np.any(information > 0, axis=1)
    vectors[~known] = 0
    scale = vectors[known].std() if known.any() else 0
    return vectors * np.float32(SCALE / scale) if scale > 0 else vectors


def count_neighbours(
    token_ids: NDArray[np.int32], offsets: NDArray[np.int64], vocabulary_size: int, contexts: int
) -> NDArray[np.float32]:
    """Return how often each token id stands near each of the first `contexts` words: (vocabulary_size, contexts)."""
    counts = np.zeros((vocabulary_size, contexts), np.float32)
    flat = counts.ravel()
    texts = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
    for start in range(0, len(token_ids), _PIECE):
        # Pairs that begin in this piece; the second of a pair may lie in the next.
        ids, owners = token_ids[start : start + _PIECE + WINDOW], texts[start : start + _PIECE + WINDOW]
        for distance in range(1, WINDOW + 1):
            firsts = max(0, min(_PIECE, len(ids) - distance))
            left, right = ids[:firsts], ids[distance : distance + firsts]
            near = owners[:firsts] == owners[distance : distance + firsts]
            weight = np.float32(1 - (distance - 1) / WINDOW)
            for word, context in ((left, right), (right, left)):
                counted = near & (word >= _RESERVED) & (context >= _RESERVED) & (context < contexts + _RESERVED)
                places = word[counted].astype(np.int64) * contexts + (context[counted] - _RESERVED)
                np.add.at(flat, places, weight)
    return counts


def _ppmi(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn counts into their PPMI, in place: they may take hundreds of MB."""
    words, contexts = counts.sum(axis=1, dtype=np.float64), counts.sum(axis=0, dtype=np.float64)
    smoothed = contexts**SMOOTHING
    # What never occurs divides by 1: its counts are 0 anyway.
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
