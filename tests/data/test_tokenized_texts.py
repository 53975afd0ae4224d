"""Texts are tokenized once, and their tokens are memory-mapped from the cache."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.data import tokenized_texts
from sentiment_lab.data.tokenized_texts import load_tokens, tokenize_texts
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.data.vocabulary import UNKNOWN

TEXTS = ["The film isn't bad!", "<br />", "Bad, bad, bad film ...", "Fine"]
HASH = "0" * 64

any_texts = st.lists(st.text() | st.text(st.sampled_from("ab c.!\x85\u2028"), max_size=30))


def tokens_of(tokenized):
    words, sequences = tokenized
    return [[words[word] for word in row] for row in np.split(sequences.ids, sequences.offsets[1:-1])]


def refuse():
    pytest.fail("the texts were loaded")


@given(any_texts, st.booleans())
def test_words_are_numbered_in_alphabetical_order(texts, lowercase):
    words, sequences = tokenize_texts(texts, lowercase=lowercase)
    assert words == sorted(set(words))
    assert (sequences.ids.dtype, sequences.offsets.dtype) == (np.int32, np.int64)
    assert len(sequences) == len(texts)
    if texts:
        expected = [tokenize(text, lowercase=lowercase) or [UNKNOWN] for text in texts]
        assert tokens_of((words, sequences)) == expected


def test_tokens_come_from_the_cache_the_second_time(tmp_path):
    cold = load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=True)
    warm = load_tokens(tmp_path, HASH, refuse, lowercase=True)
    assert isinstance(warm.sequences.ids, np.memmap)
    assert tokens_of(warm) == tokens_of(cold) == tokens_of(tokenize_texts(TEXTS, lowercase=True))


def test_words_with_line_separators_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenized_texts, "tokenize", lambda text, lowercase: text.split(" "))
    texts = ["a\u2028b c\x85d", "e\x1cf"]
    cold, warm = (load_tokens(tmp_path, HASH, lambda: texts, lowercase=True) for _ in range(2))
    assert warm.words == cold.words == sorted(["a\u2028b", "c\x85d", "e\x1cf"])


def test_other_texts_and_other_settings_have_an_entry_of_their_own(tmp_path, monkeypatch):
    load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=True)
    assert load_tokens(tmp_path, HASH, lambda: TEXTS, lowercase=False).words[2] == "Bad"
    assert load_tokens(tmp_path, "1" * 64, lambda: ["other"], lowercase=True).words == ["other"]
    monkeypatch.setattr(tokenized_texts, "TOKENIZER_VERSION", 10**6)
    assert load_tokens(tmp_path, HASH, lambda: ["new rules"], lowercase=True).words == ["new", "rules"]
    assert len([path for path in (tmp_path / "tokens").iterdir() if path.is_dir()]) == 4
