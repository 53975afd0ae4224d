"""From reviews to encoded parts: the split, the vocabulary of the training part, and the order of words."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
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
    """Return the groups of a config that a dataset depends on."""
    split = {"method": "article", "train": 4, "validation": 2, "test": 2, "validation_is_test": False} | (split or {})
    text = {
        "lowercase": True,
        "vocabulary_size": 100,
        "min_count": 1,
        "max_length": 50,
        "keep": "last",
        "padding": "masked",
    } | text
    return SimpleNamespace(data=data, split=SplitConfig(**split, seed=0), text=TextConfig(**text), model=None)


def corpus(texts=TEXTS, labels=LABELS, load_texts=None):
    digests = [text_digest(text) for text in texts]
    labels = np.array(labels, np.int8)
    reviews = pd.DataFrame({"id": review_ids(digests), "label": labels, "film": None, "part": None, "origin": "memory"})
    return Corpus("memory", reviews, data_hash(digests, labels), load_texts or (lambda: list(texts)), list)


@pytest.fixture
def build(monkeypatch, tmp_path):
    def build(loaded=None, **settings):
        loaded = loaded or corpus()
        monkeypatch.setattr(dataset_module, "load_corpus", lambda data, cache: loaded)
        return build_dataset(config(**settings), tmp_path)

    return build


def words(dataset, part):
    rows = np.split(part.sequences.ids, part.sequences.offsets[1:-1])
    return [[dataset.vocabulary.tokens[token] for token in row] for row in rows]


def test_parts_hold_the_reviews_of_the_split_in_order(build):
    loaded = corpus()
    dataset = build(loaded)
    assert [part.name for part in (dataset.train, dataset.validation, dataset.test)] == ["train", "validation", "test"]
    assert dataset.train.ids.tolist() == loaded.reviews["id"].tolist()[:4]
    assert dataset.test.labels.tolist() == [1, 0]
    assert dataset.texts("validation") == TEXTS[4:6]
    assert dataset.data_hash == loaded.data_hash
    positions = {"train": np.arange(4), "validation": np.arange(4, 6), "test": np.arange(6, 8)}
    assert dataset.split_hash == split_hash(loaded.reviews, positions)


def test_the_vocabulary_is_that_of_the_training_part_alone(build):
    dataset = build()
    expected = ["", "[UNK]", "good", "film", "plot", "!", "bad", "n't", "the", "was"]
    assert dataset.vocabulary.tokens == expected
    assert words(dataset, dataset.validation) == [["good", "good", "good"], ["[UNK]", "[UNK]", "film"]]
    assert words(dataset, dataset.test) == [["[UNK]", "[UNK]", "film"], ["[UNK]"]]


def test_a_review_without_a_token_is_one_unknown_word(build):
    dataset = build()
    assert dataset.train.sequences.lengths.tolist() == [4, 3, 1, 5]
    assert words(dataset, dataset.train)[2] == ["[UNK]"]


@pytest.mark.parametrize(("keep", "kept"), [("last", ["n't", "good"]), ("first", ["the", "plot"])])
def test_long_reviews_keep_the_configured_end(build, keep, kept):
    dataset = build(keep=keep, max_length=2)
    assert words(dataset, dataset.train)[3] == kept
    assert dataset.train.sequences.lengths.max() == 2
    # Truncated words count for the vocabulary too.
    assert "was" in dataset.vocabulary.tokens


def test_validation_that_is_test_is_test_under_another_name(build):
    dataset = build(split={"train": 6, "validation": 0, "validation_is_test": True})
    assert dataset.validation.name == "validation"
    assert dataset.validation.sequences is dataset.test.sequences
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
        pytest.fail("the texts were loaded")

    dataset = build(corpus(load_texts=refuse), split={"train": 6, "validation": 0}, vocabulary_size=4, max_length=3)
    assert dataset.vocabulary.tokens == ["", "[UNK]", "good", "film"]


reviewlike = st.text(st.sampled_from("abnst'.!*<br/> \x85\u2028é"), max_size=40) | st.text(max_size=20)


@settings(max_examples=25)
@given(
    st.lists(reviewlike, min_size=8, max_size=20, unique_by=str.strip),
    st.integers(3, 12),
    st.integers(1, 6),
    st.sampled_from(["last", "first"]),
    st.booleans(),
)
def test_raw_texts_get_the_ids_of_the_dataset(texts, vocabulary_size, max_length, keep, lowercase):
    loaded = corpus(["some words of train", "more words", *texts], np.arange(len(texts) + 2) % 2)
    text = {"vocabulary_size": vocabulary_size, "max_length": max_length, "keep": keep, "lowercase": lowercase}
    settings = config(split={"train": len(texts) - 2}, **text)
    with tempfile.TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_module, "load_corpus", lambda data, cache: loaded)
        dataset = build_dataset(settings, Path(cache))
    for part in (dataset.train, dataset.validation, dataset.test):
        encoded = encode_texts(dataset.texts(part.name), dataset.vocabulary, settings.text)
        np.testing.assert_array_equal(encoded.ids, part.sequences.ids)
        np.testing.assert_array_equal(encoded.offsets, part.sequences.offsets)
        assert (encoded.lengths >= 1).all()
        assert encoded.ids.min() >= 1
        assert encoded.ids.max() < vocabulary_size
        for sequences in (encoded, part.sequences):
            assert (sequences.ids.dtype, sequences.offsets.dtype) == (np.int32, np.int64)


def test_no_texts_are_no_tokens(build):
    encoded = encode_texts([], build().vocabulary, config().text)
    assert encoded.ids.size == 0
    assert encoded.offsets.tolist() == [0]


def same(one, other):
    return np.array_equal(one.sequences.ids, other.sequences.ids)


def test_generated_reviews_become_a_dataset(tmp_path):
    data = GeneratedData(
        source="generated", reviews=200, unlabelled=0, length=20, distance=3, turned=0.5, seed=0, expect=None
    )
    sizes = {"method": "shuffled", "train": None, "validation": 0.1, "test": 0.2}
    dataset = build_dataset(config(data, sizes), tmp_path)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [140, 20, 40]
    again = build_dataset(config(data, sizes), tmp_path)
    assert same(again.train, dataset.train)
    assert (again.data_hash, again.split_hash) == (dataset.data_hash, dataset.split_hash)


@pytest.fixture
def parts(cache):
    """Datasets of a small generated corpus, by the overrides of their configs."""

    def build(*overrides):
        small = ("data.reviews=60", "data.length=15", "data.distance=2", "model.embedding_size=4")
        return build_dataset(compose_config([*small, *overrides]), cache)

    return build


def test_all_parts_are_reordered_or_test_alone(parts):
    kept, everywhere, at_test = parts(), parts("text.order=shuffled"), parts("text.test_order=shuffled")
    assert not same(kept.train, everywhere.train)
    assert not same(kept.validation, everywhere.validation)
    assert same(kept.train, at_test.train)
    assert same(kept.validation, at_test.validation)
    assert not same(kept.test, at_test.test)
    assert same(everywhere.test, at_test.test), "the order of test does not depend on that of train"
    assert same(parts("text.order=reversed", "text.test_order=kept").test, kept.test)


def test_word_vectors_come_from_the_order_of_the_training_part(parts):
    kept, shuffled, at_test = parts(), parts("text.order=shuffled"), parts("text.test_order=shuffled")
    assert not np.array_equal(kept.initial_vectors, shuffled.initial_vectors)
    assert np.array_equal(kept.initial_vectors, at_test.initial_vectors)


def test_unlabelled_reviews_change_the_word_vectors_alone(parts):
    plain, more = parts(), parts("data.unlabelled=30")
    assert plain.data_hash == more.data_hash
    assert same(plain.train, more.train)
    assert not np.array_equal(plain.initial_vectors, more.initial_vectors)


def test_a_linear_model_has_no_order_of_words():
    with pytest.raises(ConfigError, match=r"text.test_order must be kept where model.family is nb_svm .*'reversed'"):
        compose_config(["model=nb_svm", "text.test_order=reversed"])


@pytest.mark.slow
@pytest.mark.real_data
def test_the_official_split_of_the_real_reviews_keeps_films_in_one_part(imdb_archive, tmp_path):
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
