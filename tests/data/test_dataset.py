import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_lab.config.settings import GeneratedData, ImdbData, SplitConfig, TextConfig
from sentiment_lab.data import dataset as dataset_module
from sentiment_lab.data.dataset import build_dataset, encode_texts
from sentiment_lab.data.reviews import Corpus, data_hash, review_ids, text_digest
from sentiment_lab.data.split import split_hash

TEXTS = [
    "Good film, good plot.",
    "Bad film!",
    "<br />",
    "the plot was n't good",
    "good good good",
    "a wretched film",
    "a splendid film",
    "splendid",
]
LABELS = [1, 0, 0, 1, 1, 0, 1, 0]


def config(data=None, split=None, **text):
    """Return the three groups that a dataset is built from."""
    split = {"method": "article", "train": 4, "validation": 2, "test": 2, "validation_is_test": False} | (split or {})
    text = {
        "lowercase": True,
        "vocabulary_size": 100,
        "min_count": 1,
        "max_length": 50,
        "keep": "last",
        "padding": "masked",
    } | text
    return SimpleNamespace(data=data, split=SplitConfig(**split, seed=0), text=TextConfig(**text))


def corpus(texts=TEXTS, labels=LABELS, load_texts=None):
    digests = [text_digest(text) for text in texts]
    labels = np.array(labels, np.int8)
    reviews = pd.DataFrame({"id": review_ids(digests), "label": labels, "film": None, "part": None, "origin": "memory"})
    return Corpus("memory", reviews, data_hash(digests, labels), load_texts or (lambda: list(texts)), list)


@pytest.fixture
def build(monkeypatch, tmp_path):
    def build(made=None, **settings):
        made = made or corpus()
        monkeypatch.setattr(dataset_module, "load_corpus", lambda data, cache: made)
        return build_dataset(config(**settings), tmp_path)

    return build


def words(dataset, part):
    tokens = [dataset.vocabulary.tokens[token] for token in part.token_ids]
    return [tokens[start:end] for start, end in zip(part.offsets[:-1], part.offsets[1:], strict=True)]


def test_parts_hold_the_reviews_of_the_split_in_order(build):
    made = corpus()
    dataset = build(made)
    assert [part.name for part in (dataset.train, dataset.validation, dataset.test)] == ["train", "validation", "test"]
    assert dataset.train.ids.tolist() == made.reviews["id"].tolist()[:4]
    assert dataset.test.labels.tolist() == [1, 0]
    assert dataset.texts("validation") == TEXTS[4:6]
    assert dataset.data_hash == made.data_hash
    positions = {"train": np.arange(4), "validation": np.arange(4, 6), "test": np.arange(6, 8)}
    assert dataset.split_hash == split_hash(made.reviews, positions)


def test_the_vocabulary_knows_the_training_part_alone(build):
    dataset = build()
    expected = ["", "[UNK]", "good", "film", "plot", "!", "bad", "n't", "the", "was"]
    assert dataset.vocabulary.tokens == expected
    assert words(dataset, dataset.validation) == [["good", "good", "good"], ["[UNK]", "[UNK]", "film"]]
    assert words(dataset, dataset.test) == [["[UNK]", "[UNK]", "film"], ["[UNK]"]]


def test_a_review_without_a_token_is_one_unknown_word(build):
    dataset = build()
    assert dataset.train.lengths.tolist() == [4, 3, 1, 5]
    assert words(dataset, dataset.train)[2] == ["[UNK]"]


@pytest.mark.parametrize(("keep", "kept"), [("last", ["n't", "good"]), ("first", ["the", "plot"])])
def test_long_reviews_keep_the_end_that_is_asked_for(build, keep, kept):
    dataset = build(keep=keep, max_length=2)
    assert words(dataset, dataset.train)[3] == kept
    assert dataset.train.lengths.max() == 2
    # What is cut off still counts for the vocabulary.
    assert "was" in dataset.vocabulary.tokens


def test_validation_that_is_test_is_test_under_another_name(build):
    dataset = build(split={"train": 6, "validation": 0, "validation_is_test": True})
    assert dataset.validation.name == "validation"
    assert dataset.validation.token_ids is dataset.test.token_ids
    assert dataset.validation.ids is dataset.test.ids
    assert dataset.texts("validation") == dataset.texts("test") == TEXTS[6:]


def test_without_validation_there_is_none(build):
    dataset = build(split={"train": 6, "validation": 0})
    assert dataset.validation is None
    assert list(dataset.describe()) == ["train", "test"]


def test_a_description_counts_reviews_and_tokens(build):
    assert build().describe() == {
        "train": {"reviews": 4, "tokens": 13, "positive_share": 0.5},
        "validation": {"reviews": 2, "tokens": 6, "positive_share": 0.5},
        "test": {"reviews": 2, "tokens": 4, "positive_share": 0.5},
    }


def test_another_split_or_vocabulary_needs_no_texts(build):
    build()

    def refuse():
        pytest.fail("the texts were asked for")

    dataset = build(corpus(load_texts=refuse), split={"train": 6, "validation": 0}, vocabulary_size=4, max_length=3)
    assert dataset.vocabulary.tokens == ["", "[UNK]", "good", "film"]


reviewlike = st.text(st.sampled_from("abnst'.!*<br/> \x85\u2028é"), max_size=40) | st.text(max_size=20)


@settings(deadline=None)
@given(
    st.lists(reviewlike, min_size=8, max_size=20, unique_by=str.strip),
    st.integers(3, 12),
    st.integers(1, 6),
    st.sampled_from(["last", "first"]),
    st.booleans(),
)
def test_raw_texts_get_the_ids_of_the_dataset(texts, vocabulary_size, max_length, keep, lowercase):
    made = corpus(["some words of train", "more words", *texts], np.arange(len(texts) + 2) % 2)
    text = {"vocabulary_size": vocabulary_size, "max_length": max_length, "keep": keep, "lowercase": lowercase}
    settings = config(split={"train": len(texts) - 2}, **text)
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_module, "load_corpus", lambda data, cache: made)
        dataset = build_dataset(settings, Path(cache))
    for part in (dataset.train, dataset.validation, dataset.test):
        token_ids, offsets = encode_texts(dataset.texts(part.name), dataset.vocabulary, settings.text)
        np.testing.assert_array_equal(token_ids, part.token_ids)
        np.testing.assert_array_equal(offsets, part.offsets)
        assert (np.diff(offsets) >= 1).all()
        assert token_ids.min() >= 1
        assert token_ids.max() < vocabulary_size
        assert (token_ids.dtype, offsets.dtype) == (part.token_ids.dtype, part.offsets.dtype) == (np.int32, np.int64)


def test_no_texts_are_no_tokens(build):
    token_ids, offsets = encode_texts([], build().vocabulary, config().text)
    assert token_ids.size == 0
    assert offsets.tolist() == [0]


def test_generated_reviews_become_a_dataset(tmp_path):
    data = GeneratedData(
        source="generated", reviews=200, unlabelled=0, length=20, distance=3, turned=0.5, seed=0, expect=None
    )
    sizes = {"method": "shuffled", "train": None, "validation": 0.1, "test": 0.2}
    dataset = build_dataset(config(data, sizes), tmp_path)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [140, 20, 40]
    again = build_dataset(config(data, sizes), tmp_path)
    np.testing.assert_array_equal(again.train.token_ids, dataset.train.token_ids)
    assert (again.data_hash, again.split_hash) == (dataset.data_hash, dataset.split_hash)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_official_split_of_the_real_reviews_parts_films(imdb_archive, tmp_path):
    data = ImdbData(source="imdb", path=str(imdb_archive), unlabelled=False, limit=None, expect=None)
    sizes = {"method": "official", "train": None, "validation": 0.1, "test": None}
    dataset = build_dataset(config(data, sizes, vocabulary_size=10_000, max_length=200), tmp_path)
    reviews = dataset_module.load_corpus(data, tmp_path).reviews.set_index("id")
    films = {part.name: set(reviews.loc[part.ids, "film"]) for part in (dataset.train, dataset.validation)}
    assert not films["train"] & films["validation"]
    assert len(dataset.test) == 25_000
    assert len(dataset.train) + len(dataset.validation) == 25_000
    assert len(dataset.validation) == pytest.approx(2_500, rel=0.02)
    assert dataset.validation.labels.mean() == pytest.approx(0.5, abs=0.01)
    assert dataset.vocabulary.size == 10_000
    for token in ("n't", "!", "?", "10/10", "..."):
        assert token in dataset.vocabulary.tokens
    assert not {"br", "<br"} & set(dataset.vocabulary.tokens)
