"""Word vectors from co-occurrence counts, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from sentiment_lab.data.cooccurrence import SCALE, WINDOW, count_neighbours, word_vectors
from sentiment_lab.data.token_sequences import TokenSequences


def texts(*rows):
    return TokenSequences.from_rows([np.array(row, np.int32) for row in rows])


def counted_by_hand(rows, vocabulary_size, contexts):
    counts = np.zeros((vocabulary_size, contexts))
    for row in rows:
        for position, word in enumerate(row):
            for other, context in enumerate(row):
                distance = abs(position - other)
                if 0 < distance <= WINDOW and word >= 2 and 2 <= context < contexts + 2:
                    counts[word, context - 2] += 1 - (distance - 1) / WINDOW
    return counts


def test_neighbours_are_counted_within_a_text_alone(monkeypatch):
    random = np.random.default_rng(0)
    rows = [random.integers(1, 9, size).tolist() for size in (1, 2, 3, 12, 30, 7)]
    expected = counted_by_hand(rows, 9, 4)
    np.testing.assert_allclose(count_neighbours(texts(*rows), 9, 4), expected, rtol=1e-5)
    # Counting a long corpus in pieces gives the same.
    monkeypatch.setattr("sentiment_lab.data.cooccurrence._PIECE", 4)
    np.testing.assert_allclose(count_neighbours(texts(*rows), 9, 4), expected, rtol=1e-5)


def test_words_with_the_same_neighbours_have_the_same_vector():
    # 2 and 3 stand between 4 and 5, 6 and 7 between 8 and 9.
    random = np.random.default_rng(0)
    rows = [[4, int(random.integers(2, 4)), 5] for _ in range(200)] + [
        [8, int(random.integers(6, 8)), 9] for _ in range(200)
    ]
    vectors = word_vectors(texts(*rows), 10, 4)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    assert unit[2] @ unit[3] > 0.99
    assert unit[6] @ unit[7] > 0.99
    assert abs(unit[2] @ unit[6]) < 0.1


def test_vectors_have_the_scale_of_an_embedding_and_zeros_for_words_without_neighbours():
    rows = [np.random.default_rng(seed).integers(2, 30, 50).tolist() for seed in range(20)]
    vectors = word_vectors(texts(*rows), 40, 8)
    assert vectors.shape == (40, 8)
    assert vectors.dtype == np.float32
    assert not vectors[:2].any()
    assert not vectors[30:].any()
    assert vectors[2:30].std() == pytest.approx(SCALE, rel=1e-3)


def test_dimensions_beyond_the_rank_are_zero():
    vectors = word_vectors(texts([2, 3, 4, 2, 3]), 5, 16)
    assert vectors.shape == (5, 16)
    assert not vectors[:, 3:].any()
    assert np.isfinite(vectors).all()


def test_texts_of_one_word_have_no_neighbours():
    assert not word_vectors(texts([2], [3], [4]), 5, 4).any()


def test_vectors_do_not_depend_on_the_threads_of_the_process():
    rows = [np.random.default_rng(seed).integers(2, 300, 200).tolist() for seed in range(20)]
    vectors = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            vectors.append(word_vectors(texts(*rows), 300, 32))
    np.testing.assert_array_equal(*vectors)
