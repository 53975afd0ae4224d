"""The one way from a config to the encoded parts that a model is trained and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import Config, RecurrentModel, TextConfig
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.embedding_init import EncodedTexts, initial_vectors
from sentiment_lab.data.reviews import Corpus
from sentiment_lab.data.split import split_hash, split_reviews
from sentiment_lab.data.token_sequences import TokenTable, load_tokens, tokenize_texts
from sentiment_lab.data.vocabulary import Vocabulary, fit_vocabulary
from sentiment_lab.data.word_order import reorder


@dataclass(frozen=True, eq=False)
class Part:
    """Encoded reviews. Review i has token_ids[offsets[i]:offsets[i + 1]], at least one token, not padded."""

    name: str
    """"train", "validation" or "test"."""
    ids: NDArray[np.str_]
    """(reviews,)"""
    labels: NDArray[np.int8]
    """(reviews,), 1 positive and 0 negative."""
    token_ids: NDArray[np.int32]
    """(tokens,), cut to `text.max_length` tokens a review."""
    offsets: NDArray[np.int64]
    """(reviews + 1,)"""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each review: (reviews,)."""
        return np.diff(self.offsets)

    @property
    def token_count(self) -> int:
        """Tokens of all reviews."""
        return len(self.token_ids)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The parts of a split, encoded with a vocabulary that was fitted on the training part alone."""

    train: Part
    validation: Part | None
    """The reviews of test under the name validation where `split.validation_is_test`; None where there are none."""
    test: Part
    vocabulary: Vocabulary
    data_hash: str
    split_hash: str
    initial_vectors: NDArray[np.float32] | None
    """(vocabulary, embedding_size): what a network's embedding starts from; None where that is chance alone."""
    load_texts: Callable[[str], list[str]] = field(repr=False)
    """Returns the raw texts of a part."""

    def texts(self, part: str) -> list[str]:
        """Return the raw texts of "train", "validation" or "test", in the order of the part; loaded on first use."""
        return self.load_texts(part)

    def describe(self) -> dict[str, dict[str, float]]:
        """Return reviews, tokens and the share of positive reviews of each part."""
        parts = [part for part in (self.train, self.validation, self.test) if part is not None]
        return {
            part.name: {"reviews": len(part), "tokens": part.token_count, "positive_share": float(part.labels.mean())}
            for part in parts
        }


def build_dataset(config: Config, cache: Path) -> Dataset:
    """Load the reviews, split them, fit the vocabulary on the training part and encode all parts.

    Raises DataError where the reviews cannot be read and ConfigError where the split or the text settings don't fit
    them.
    """
    corpus = load_corpus(config.data, cache)
    reviews = corpus.reviews
    positions = split_reviews(reviews, config.split)
    hashed = split_hash(reviews, positions)
    table = load_tokens(cache, corpus.order_hash, lambda: corpus.texts, lowercase=config.text.lowercase)
    vocabulary = fit_vocabulary(table.words, table.counts(positions["train"]), config.text)
    token_of_word = vocabulary.encode(table.words)
    ids, labels = reviews["id"].to_numpy(dtype=np.str_), reviews["label"].to_numpy(dtype=np.int8)
    parts: dict[str, Part] = {}
    for name, rows in positions.items():
        if len(rows):
            word_ids, offsets = table.cut(rows, config.text.max_length, config.text.keep)
            order = (name == "test" and config.text.test_order) or config.text.order
            word_ids = reorder(word_ids, offsets, order, config.text.order_window)
            parts[name] = Part(name, ids[rows], labels[rows], token_of_word[word_ids], offsets)
    if config.split.validation_is_test:
        positions["validation"], parts["validation"] = positions["test"], replace(parts["test"], name="validation")
    return Dataset(
        parts["train"],
        parts.get("validation"),
        parts["test"],
        vocabulary,
        corpus.data_hash,
        hashed,
        _initial_vectors(config, corpus, table, vocabulary, positions["train"], labels, cache),
        lambda part: [corpus.texts[row] for row in positions[part]],
    )


def _initial_vectors(
    config: Config,
    corpus: Corpus,
    table: TokenTable,
    vocabulary: Vocabulary,
    train: NDArray[np.int64],
    labels: NDArray[np.int8],
    cache: Path,
) -> NDArray[np.float32] | None:
    text = config.text
    if text.embedding_init == "uniform" or not isinstance(config.model, RecurrentModel):
        return None
    unlabelled = _encoded_unlabelled(corpus, text, vocabulary, cache) if config.data.unlabelled else None
    return initial_vectors(
        text.embedding_init,
        _encoded(table, train, vocabulary, text),
        labels[train],
        unlabelled,
        vocabulary_size=vocabulary.size,
        size=config.model.embedding_size,
        cache=cache,
    )


def _encoded_unlabelled(corpus: Corpus, text: TextConfig, vocabulary: Vocabulary, cache: Path) -> EncodedTexts:
    texts = corpus.unlabelled
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    table = load_tokens(cache, digest, lambda: texts, lowercase=text.lowercase)
    return _encoded(table, np.arange(len(table)), vocabulary, text)


def _encoded(table: TokenTable, rows: NDArray[np.int64], vocabulary: Vocabulary, text: TextConfig) -> EncodedTexts:
    word_ids, offsets = table.cut(rows, table.longest, "last")
    token_ids = vocabulary.encode(table.words)[word_ids]
    return EncodedTexts(reorder(token_ids, offsets, text.order, text.order_window), offsets)


def encode_texts(
    texts: Sequence[str], vocabulary: Vocabulary, text: TextConfig
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the token ids (tokens,) and offsets (texts + 1,) of raw texts: those that `build_dataset` gives them.

    Words stay in the order in which they are written, whatever `text.order` the model learned from.
    """
    table = tokenize_texts(texts, lowercase=text.lowercase)
    word_ids, offsets = table.cut(np.arange(len(texts)), text.max_length, text.keep)
    return vocabulary.encode(table.words)[word_ids], offsets
