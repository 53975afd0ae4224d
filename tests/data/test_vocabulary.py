"""The vocabulary: its order, its file, and the errors of another file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import TextConfig
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.vocabulary import BEGINNING, PADDING, UNKNOWN, Vocabulary, fit_vocabulary, has_known_word

WORDS = ["[UNK]", "bad", "film", "good", "plot", "the"]
COUNTS = np.array([50, 3, 7, 3, 0, 9])


def text(vocabulary_size=100, min_count=1):
    return TextConfig(
        lowercase=True,
        vocabulary_size=vocabulary_size,
        min_count=min_count,
        max_length=10,
        keep="last",
        padding="masked",
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (text(), ["the", "film", "bad", "good"]),
        (text(vocabulary_size=5), ["the", "film", "bad"]),
        (text(vocabulary_size=3), ["the"]),
        (text(min_count=4), ["the", "film"]),
    ],
)
def test_the_most_frequent_words_come_first_and_ties_in_alphabetical_order(settings, words):
    assert fit_vocabulary(WORDS, COUNTS, settings).tokens == [PADDING, UNKNOWN, *words]


def test_no_word_frequent_enough_is_a_config_error():
    with pytest.raises(ConfigError, match=r"^text.min_count must be at most .* got 10$"):
        fit_vocabulary(WORDS, COUNTS, text(min_count=10))


def test_words_are_encoded_and_others_unknown():
    vocabulary = Vocabulary([PADDING, UNKNOWN, "the", "film"])
    assert vocabulary.size == 4
    ids = vocabulary.encode(["film", "plot", "the", UNKNOWN])
    assert ids.dtype == np.int32
    assert ids.tolist() == [3, 1, 2, 1]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True))
def test_a_written_vocabulary_is_read_again(tmp_path_factory, words):
    vocabulary = Vocabulary([PADDING, UNKNOWN, *(word for word in words if word != UNKNOWN)])
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.json"
    vocabulary.write(path)
    assert Vocabulary.read(path) == vocabulary
    assert Vocabulary.read(path).digest == vocabulary.digest


def test_the_digest_depends_on_the_order():
    digests = {Vocabulary([PADDING, UNKNOWN, *words]).digest for words in ("ab", "ba", "a", "abc")}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[", "must be a JSON list of tokens: Expecting value"),
        ('{"": 0}', "must be a JSON list of tokens"),
        ('["", "[UNK]", 7]', "must be a JSON list of tokens"),
        ("[]", "must begin with"),
        ('["[UNK]", "", "the"]', "must begin with"),
        ('["", "[UNK]", "a", "the", "a"]', "must hold each token once, got 'a' more than once"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_named(tmp_path, content, problem):
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        Vocabulary.read(path)
    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.json"):
        Vocabulary.read(tmp_path / "gone.json")


def test_one_token_a_line(tmp_path):
    path = tmp_path / "vocabulary.json"
    Vocabulary([PADDING, UNKNOWN, "café"]).write(path)
    assert path.read_text(encoding="utf-8").splitlines() == ["[", '"",', '"[UNK]",', '"café"', "]"]
    assert json.loads(path.read_text(encoding="utf-8")) == ["", "[UNK]", "café"]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("A GOOD one", True),
        ("zyzzy " * 100 + "film", True),
        ("zyzzy", False),
        ("goods [UNK] unk", False),
        ("zyzzy !!", False),  # a sign is no word
        ("<br /> ...", False),
    ],
)
def test_a_text_with_a_known_word_is_found(text: str, known: bool) -> None:
    vocabulary = Vocabulary([PADDING, UNKNOWN, "film", "good", "!"])
    assert has_known_word(text, vocabulary, lowercase=True) is known


def test_the_beginning_of_a_longer_word_is_not_known() -> None:
    text = "x" * (BEGINNING - 5) + " filmography"
    assert not has_known_word(text, Vocabulary([PADDING, UNKNOWN, "film"]), lowercase=True)
