"""The ragged array of token ids: every operation keeps the texts apart and loses no token."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.data import token_sequences
from sentiment_lab.data.token_sequences import TokenSequences


def sequences(rows):
    return TokenSequences.from_rows([np.array(row, np.int32) for row in rows])


def rows_of(texts):
    return [row.tolist() for row in np.split(texts.ids, texts.offsets[1:-1])] if len(texts) else []


any_rows = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=20)
keeps = st.sampled_from(["last", "first"])


def some_of(data, rows):
    """Draw ascending positions of rows."""
    return np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), unique=True).map(sorted)), np.int64)


@given(any_rows)
def test_rows_are_joined_in_order(rows):
    texts = sequences(rows)
    assert rows_of(texts) == rows
    assert (len(texts), texts.lengths.tolist(), texts.token_count) == (
        len(rows),
        list(map(len, rows)),
        sum(map(len, rows)),
    )
    assert (texts.ids.dtype, texts.offsets.dtype) == (np.int32, np.int64)


@given(any_rows, st.data())
def test_selected_texts_are_those_of_the_rows(rows, data):
    chosen = some_of(data, rows)
    selected = sequences(rows).select(chosen)
    assert rows_of(selected) == [rows[row] for row in chosen]
    assert selected.offsets[0] == 0


@given(any_rows, st.integers(1, 8), keeps)
def test_truncated_texts_keep_one_end(rows, length, keep):
    truncated = sequences(rows).truncate(length, keep)
    assert rows_of(truncated) == [row[-length:] if keep == "last" else row[:length] for row in rows]


@given(any_rows, st.data())
def test_counts_are_those_of_all_texts(rows, data):
    texts = sequences(rows)
    joined = [token for row in rows for token in row]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_sequences, "_PIECE", data.draw(st.integers(1, 30)))
        assert texts.counts(10).tolist() == [joined.count(token) for token in range(10)]


@given(any_rows, any_rows)
def test_concatenated_texts_follow_each_other(rows, more):
    assert rows_of(sequences(rows).concat(sequences(more))) == rows + more


def test_renumbered_ids_are_looked_up():
    numbers = np.array([5, 1, 7], np.int32)
    assert rows_of(sequences([[0, 2], [1]]).renumber(numbers)) == [[5, 7], [1]]


@given(any_rows, st.integers(1, 8), st.integers(0, 9))
def test_a_crop_is_one_window_of_a_longer_text(rows, length, seed):
    numbered = [[100 * text + step for step in range(len(row))] for text, row in enumerate(rows)]
    cropped = sequences(numbered).crop(length, np.random.default_rng(seed))
    for text, (row, window) in enumerate(zip(rows, rows_of(cropped), strict=True)):
        assert len(window) == min(len(row), length)
        assert window == list(range(window[0], window[0] + len(window)))
        assert 0 <= window[0] - 100 * text <= len(row) - len(window)


def test_padding_is_on_the_side_that_is_asked_for():
    texts = sequences([[1], [2, 3, 4], [5, 6]])
    assert texts.pad(np.array([2, 0])).tolist() == [[5, 6], [1, 0]]
    assert texts.pad(np.array([2, 0]), pad_left_to=3).tolist() == [[0, 5, 6], [0, 0, 1]]
    assert texts.pad(np.array([1])).dtype == np.int32


def test_the_digest_depends_on_ids_and_boundaries():
    digests = {sequences(rows).digest() for rows in ([[1, 2], [3]], [[1], [2, 3]], [[1, 2], [4]], [[1, 2, 3]])}
    assert len(digests) == 4
    assert sequences([[1, 2], [3]]).digest() in digests


TEXTS = sequences([[0], [*range(1, 12)], [*range(12, 17)]])
"""Texts of 1, 11 and 5 different tokens."""


def test_kept_and_reversed_order():
    assert TEXTS.reorder("kept", 5) is TEXTS
    assert rows_of(TEXTS.reorder("reversed", 5)) == [[0], [*range(11, 0, -1)], [16, 15, 14, 13, 12]]


@pytest.mark.parametrize("order", ["shuffled", "windows", "reversed"])
def test_a_reordered_text_keeps_its_tokens(order):
    reordered = rows_of(TEXTS.reorder(order, 5))
    assert [sorted(text) for text in reordered] == rows_of(TEXTS)
    assert reordered != rows_of(TEXTS)
    assert reordered == rows_of(TEXTS.reorder(order, 5)), "the same order is drawn each time"


def test_tokens_stay_in_their_window():
    _, long, short = rows_of(TEXTS.reorder("windows", 5))
    assert [sorted(long[:5]), sorted(long[5:10]), long[10:]] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11]]
    assert sorted(short) == [12, 13, 14, 15, 16]


def test_every_order_of_three_tokens_is_drawn_about_as_often():
    count = 6000
    texts = TokenSequences(np.tile(np.arange(3, dtype=np.int32), count), np.arange(0, 3 * count + 1, 3))
    orders, times = np.unique(texts.reorder("shuffled", 5).ids.reshape(-1, 3), axis=0, return_counts=True)
    assert len(orders) == 6
    assert np.all(np.abs(times - count / 6) < 6 * np.sqrt(count / 6))


def test_draws_are_those_of_published_runs():
    """A change of these literals changes the token ids, and so the weights, of every stored run with such a setting."""
    _, *shuffled = rows_of(TEXTS.reorder("shuffled", 5))
    assert shuffled == [[11, 3, 2, 1, 8, 6, 7, 4, 10, 5, 9], [13, 15, 14, 12, 16]]
    _, *windows = rows_of(TEXTS.reorder("windows", 5))
    assert windows == [[3, 2, 1, 4, 5, 8, 6, 7, 10, 9, 11], [13, 15, 14, 12, 16]]
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([3, 2])))
    assert rows_of(TEXTS.crop(4, generator)) == [[0], [7, 8, 9, 10], [12, 13, 14, 15]]
