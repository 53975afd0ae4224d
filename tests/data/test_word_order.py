"""Words in another order: nothing is lost, nothing leaves its review, and nothing but the order changes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.data.word_order import reorder

TOKENS = np.arange(17, dtype=np.int32)
OFFSETS = np.array([0, 1, 12, 17])
"""Texts of 1, 11 and 5 tokens."""


def texts(tokens):
    return [list(tokens[start:end]) for start, end in itertools.pairwise(OFFSETS)]


def test_kept_and_reversed():
    assert reorder(TOKENS, OFFSETS, "kept", 5) is TOKENS
    assert texts(reorder(TOKENS, OFFSETS, "reversed", 5)) == [[0], [*range(11, 0, -1)], [16, 15, 14, 13, 12]]


@pytest.mark.parametrize("order", ["shuffled", "windows", "reversed"])
def test_a_review_keeps_its_words(order):
    found = texts(reorder(TOKENS, OFFSETS, order, 5))
    assert [sorted(text) for text in found] == texts(TOKENS)
    assert found != texts(TOKENS)
    assert found == texts(reorder(TOKENS, OFFSETS, order, 5)), "the same is drawn each time"


def test_words_stay_in_their_window():
    _, long, short = texts(reorder(TOKENS, OFFSETS, "windows", 5))
    assert [sorted(long[:5]), sorted(long[5:10]), long[10:]] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11]]
    assert sorted(short) == [12, 13, 14, 15, 16]


def test_every_order_of_three_words_is_drawn_about_as_often():
    count = 6000
    found = reorder(np.tile(np.arange(3, dtype=np.int32), count), np.arange(0, 3 * count + 1, 3), "shuffled", 5)
    _, times = np.unique(found.reshape(-1, 3), axis=0, return_counts=True)
    assert len(times) == 6
    assert np.all(np.abs(times - count / 6) < 6 * np.sqrt(count / 6))


@pytest.fixture
def parts(tmp_path):
    def build(*words):
        words = ("data.reviews=200", "data.distance=2", "model.embedding_size=8", *words)
        return build_dataset(compose_config(words), tmp_path)

    return build


def same(one, other):
    return np.array_equal(one.token_ids, other.token_ids)


def test_all_parts_are_reordered_or_test_alone(parts):
    kept, everywhere, at_test = parts(), parts("text.order=shuffled"), parts("text.test_order=shuffled")
    assert not same(kept.train, everywhere.train)
    assert not same(kept.validation, everywhere.validation)
    assert same(kept.train, at_test.train)
    assert same(kept.validation, at_test.validation)
    assert not same(kept.test, at_test.test)
    assert same(everywhere.test, at_test.test), "what is drawn for test does not depend on what train was like"
    assert same(parts("text.order=reversed", "text.test_order=kept").test, kept.test)


def test_word_vectors_come_from_the_order_that_is_trained_on(parts):
    kept, shuffled, at_test = parts(), parts("text.order=shuffled"), parts("text.test_order=shuffled")
    assert not np.array_equal(kept.initial_vectors, shuffled.initial_vectors)
    assert np.array_equal(kept.initial_vectors, at_test.initial_vectors)


def test_a_bag_of_words_has_no_order_to_lose():
    with pytest.raises(ConfigError, match=r"text.test_order must be kept where model.family is nb_svm .*'reversed'"):
        compose_config(["model=nb_svm", "text.test_order=reversed"])
