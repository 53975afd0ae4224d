"""Initial embeddings: what they are computed from, and the cache."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sentiment_lab.data import embedding_init as initial
from sentiment_lab.data.embedding_init import RATIO_SCALE, initial_vectors, log_ratios
from sentiment_lab.data.token_sequences import TokenSequences

TEXTS = TokenSequences(np.array([2, 3, 4, 2, 3, 5, 5, 6, 2], np.int32), np.array([0, 3, 5, 9]))
LABELS = np.array([1, 1, 0], np.int8)
MORE = TokenSequences(np.array([4, 6, 3], np.int32), np.array([0, 3]))


@pytest.fixture
def vectors(tmp_path):
    def vectors(method="cooccurrence_nb", train=TEXTS, labels=LABELS, unlabelled=None, size=5):
        return initial_vectors(method, train, labels, unlabelled, vocabulary_size=8, size=size, cache=tmp_path)

    return vectors


def test_log_ratios_are_those_of_smoothed_shares():
    positive, negative = Counter([2, 3, 4, 2, 3]), Counter([5, 5, 6, 2])
    expected = [
        np.log(((positive[token] + 1) / (5 + 8)) / ((negative[token] + 1) / (4 + 8))) if token > 1 else 0
        for token in range(8)
    ]
    np.testing.assert_allclose(log_ratios(TEXTS, LABELS, 8), expected, rtol=1e-5)


def test_the_last_dimension_is_the_log_ratio_and_the_others_are_vectors(vectors):
    both = vectors()
    np.testing.assert_allclose(both[:, -1], RATIO_SCALE * log_ratios(TEXTS, LABELS, 8))
    np.testing.assert_array_equal(both[:, :-1], vectors("cooccurrence", size=4))


def test_unlabelled_reviews_change_the_vectors_but_not_the_ratio(vectors):
    alone, together = vectors(), vectors(unlabelled=MORE)
    np.testing.assert_array_equal(alone[:, -1], together[:, -1])
    assert not np.array_equal(alone, together)


def test_labels_change_the_ratio_and_not_the_vectors(vectors):
    one, other = vectors(), vectors(labels=1 - LABELS)
    np.testing.assert_array_equal(one[:, :-1], other[:, :-1])
    assert not np.array_equal(one[:, -1], other[:, -1])


def test_computed_vectors_are_read_from_the_cache(vectors, monkeypatch):
    first = vectors()
    monkeypatch.setattr(initial, "word_vectors", None)
    np.testing.assert_array_equal(vectors(), first)


def test_other_settings_are_not_read_from_the_cache(vectors, tmp_path):
    first = vectors()
    for changes in (
        {"method": "cooccurrence"},
        {"labels": 1 - LABELS},
        {"unlabelled": MORE},
        {"train": MORE, "labels": LABELS[:1]},
    ):
        assert not np.array_equal(vectors(**changes), first)
    assert vectors(size=4).shape == (8, 4)
    assert len([path for path in (tmp_path / "vectors").iterdir() if path.is_dir()]) == 6


def test_vectors_of_other_kernels_are_not_read_from_the_cache(vectors, tmp_path, monkeypatch):
    vectors()
    monkeypatch.setattr(initial, "is_portable", lambda: True)
    vectors()
    assert len(list((tmp_path / "vectors").glob("*/vectors.npy"))) == 2
