"""Batches hold every text once, in an order that follows from seed and epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.data.batching import evaluation_batches, training_batches
from sentiment_lab.data.token_sequences import TokenSequences

BATCHINGS = ["similar_length", "shuffled"]


def numbered(lengths):
    """Return texts whose token ids hold the number of the text and the position in it."""
    return TokenSequences.from_rows(
        [1000 * (text + 1) + np.arange(size, dtype=np.int32) for text, size in enumerate(lengths)]
    )


def texts_of(batches):
    return [batch.indices.tolist() for batch in batches]


def padding(batches):
    return 1 - batches.tokens / sum(batch.token_ids.size for batch in batches)


lengths = st.lists(st.integers(1, 30), min_size=1, max_size=200)


@given(lengths, st.integers(1, 40), st.sampled_from([*BATCHINGS, "evaluation"]), st.integers(0, 9), st.integers(1, 9))
def test_every_text_is_complete_in_one_batch(lengths, batch_size, batching, seed, epoch):
    texts = numbered(lengths)
    if batching == "evaluation":
        batches = evaluation_batches(texts, batch_size)
    else:
        batches = training_batches(texts, batch_size, batching, seed, epoch)
    assert len(batches) == -(-len(texts) // batch_size)
    assert sorted(np.concatenate(texts_of(batches))) == list(range(len(texts)))
    assert batches.tokens == sum(lengths)
    for batch in batches:
        assert batch.token_ids.dtype == np.int32
        assert 1 <= len(batch.indices) <= batch_size
        longest = max(lengths[text] for text in batch.indices)
        for row, text in enumerate(batch.indices):
            tokens = [1000 * (text + 1) + step for step in range(lengths[text])]
            assert batch.token_ids[row].tolist() == tokens + [0] * (longest - len(tokens))
            assert batch.lengths[row] == lengths[text]


def test_padding_on_the_left_gives_all_batches_one_width():
    batches = training_batches(numbered([1, 3, 2]), 2, "shuffled", 0, 1, pad_left_to=4)
    rows = {
        int(text): row.tolist() for batch in batches for text, row in zip(batch.indices, batch.token_ids, strict=True)
    }
    assert rows == {0: [0, 0, 0, 1000], 1: [0, 2000, 2001, 2002], 2: [0, 0, 3000, 3001]}


@pytest.mark.parametrize("batching", BATCHINGS)
def test_the_order_follows_from_seed_and_epoch(batching):
    texts = numbered(np.arange(500) % 40 + 1)

    def order(seed, epoch):
        return texts_of(training_batches(texts, 16, batching, seed, epoch))

    assert order(3, 2) == order(3, 2)
    orders = [order(3, 2), order(3, 3), order(2, 3), order(4, 2)]
    for index, one in enumerate(orders):
        for other in orders[:index]:
            assert one != other
            assert set(map(frozenset, one)) != set(map(frozenset, other))


@pytest.mark.parametrize("batching", BATCHINGS)
def test_an_epoch_can_resume_at_any_batch(batching):
    batches = training_batches(numbered(np.arange(100) % 7 + 1), 8, batching, 0, 1)
    for index, batch in enumerate(batches):
        np.testing.assert_array_equal(batches[index].token_ids, batch.token_ids)
        np.testing.assert_array_equal(batches[index].indices, batch.indices)


def test_similar_lengths_leave_little_padding():
    # Distributed like the lengths of film reviews: median 173, mean 230.
    lengths = np.random.default_rng(0).lognormal(np.log(173), 0.75, 8000).clip(10, 1000).astype(int)
    texts = numbered(lengths)
    assert padding(training_batches(texts, 32, "similar_length", 0, 1)) < 0.05
    assert padding(training_batches(texts, 32, "shuffled", 0, 1)) > 0.6
    assert padding(evaluation_batches(texts, 32)) < 0.02


def test_batches_of_similar_length_are_not_in_order_of_length():
    texts = numbered(np.random.default_rng(0).integers(1, 200, 3200))
    widths = [batch.token_ids.shape[1] for batch in training_batches(texts, 32, "similar_length", 0, 1)]
    correlation = np.corrcoef(widths, np.arange(len(widths)))[0, 1]
    assert abs(correlation) < 0.35


def test_evaluation_goes_from_short_to_long():
    batches = evaluation_batches(numbered([5, 1, 3, 2, 4]), 2)
    assert [batch.lengths.tolist() for batch in batches] == [[1, 2], [3, 4], [5]]
    assert texts_of(batches) == [[1, 3], [2, 4], [0]]


@given(lengths, st.integers(1, 12), st.sampled_from(BATCHINGS), st.integers(0, 9), st.integers(1, 9))
def test_crops_are_windows_of_their_texts(lengths, crop_length, batching, seed, epoch):
    texts = numbered(lengths)
    batches = training_batches(texts, 8, batching, seed, epoch, crop_length=crop_length)
    assert sorted(np.concatenate(texts_of(batches))) == list(range(len(texts)))
    assert batches.tokens == sum(min(length, crop_length) for length in lengths)
    for batch in batches:
        for row, text in enumerate(batch.indices):
            kept = min(lengths[text], crop_length)
            assert batch.lengths[row] == kept
            window = batch.token_ids[row, :kept] - 1000 * (text + 1)
            assert window.tolist() == list(range(window[0], window[0] + kept))
            assert 0 <= window[0] <= lengths[text] - kept


def test_each_epoch_has_crops_of_its_own():
    texts = numbered([50] * 40)
    first, again, second = (
        [batch.token_ids.tolist() for batch in training_batches(texts, 8, "shuffled", 0, epoch, crop_length=10)]
        for epoch in (1, 1, 2)
    )
    assert first == again
    assert first != second


def test_windows_reach_both_ends_of_a_text():
    texts = numbered([12] * 300)
    starts = {
        int(row[0] % 1000)
        for batch in training_batches(texts, 50, "shuffled", 0, 1, crop_length=10)
        for row in batch.token_ids
    }
    assert starts == {0, 1, 2}
