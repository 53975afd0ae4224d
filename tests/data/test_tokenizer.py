"""The tokens of a text: examples, and properties of every text."""

from __future__ import annotations

import doctest
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.data import tokenizer
from sentiment_lab.data.tokenizer import TOKENIZER_VERSION, tokenize

REVIEWLIKE = st.text(
    st.sampled_from("aZsétDnN'\u2019\u00b4`.*!?:;-()/,0159_<>& \n\t\x85\u2028\u0130\u017f\u2764"), max_size=40
)


CASES = [
    ("I'm sure you're right, they'd say he'll go", "i 'm sure you 're right they 'd say he 'll go"),
    ("won't isn't ain't DON'T", "wo n't is n't ai n't do n't"),
    ("the '80s, 80's, rock'n'roll, O'Brien", "the 80s 80 's rock n roll o brien"),
    ("...wait.. what? The end.", "... wait .. what ? the end"),
    ("a-b c—d e\u2028f\x85g\th\u00a0i", "a b c d e f ... g h i"),
    ("3 1/2 stars, 9/11, 7/10.", "3 1/2 stars 9/11 7/10"),
    ("****** one ***** two *three*", "one ***** two three"),
    ("great :) sad :-( odd :x", "great :) sad :-( odd x"),
    ("love it \u2764\ufe0f\U0001f600\U0001f44d", "love it \u2764 \U0001f600 \U0001f44d"),
    ('<a href="x.html">link</a><p>text</p><BR>2 < 3', "link text 2 3"),
    ("&lt;br /&gt;twice &amp; escaped, caf&eacute;", "twice escaped café"),
    ("Ünïcode Привет 映画", "ünïcode привет 映画"),
]


def test_the_examples_of_the_docstring_hold():
    result = doctest.testmod(tokenizer)
    assert result.attempted >= 6
    assert result.failed == 0


@pytest.mark.parametrize(("text", "tokens"), CASES)
def test_carriers_of_sentiment_are_tokens_and_markup_is_not(text, tokens):
    assert tokenize(text) == tokens.split(" ")


@given(st.text() | REVIEWLIKE, st.booleans())
def test_no_token_is_empty_or_contains_white_space(text, lowercase):
    for token in tokenize(text, lowercase=lowercase):
        assert token.split() == [token]


@given(REVIEWLIKE, st.booleans())
def test_tokenizing_tokens_changes_nothing(text, lowercase):
    tokens = tokenize(text, lowercase=lowercase)
    assert tokenize(" ".join(tokens), lowercase=lowercase) == tokens


@given(REVIEWLIKE, REVIEWLIKE)
def test_markup_between_two_texts_separates_them(first, second):
    first, second = (text.replace("<", "").replace("&", "") for text in (first, second))
    assert tokenize(f"{first}<br />{second}") == tokenize(first) + tokenize(second)


def test_another_result_needs_another_version():
    # The cache key of tokens contains TOKENIZER_VERSION: a change of this digest requires another version.
    tokens = [tokenize(text, lowercase=lowercase) for text, _ in CASES for lowercase in (True, False)]
    digest = hashlib.sha256(repr(tokens).encode()).hexdigest()
    assert (TOKENIZER_VERSION, digest[:16]) == (1, "faca56b54b0984e3")
