"""The one way from a config to the encoded parts that a model is trained and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import Config, RecurrentModel, TableData, TextConfig
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.embedding_init import initial_vectors
from sentiment_lab.data.reviews import Corpus
from sentiment_lab.data.split import split_hash, split_reviews
from sentiment_lab.data.token_sequences import TokenSequences
from sentiment_lab.data.tokenized_texts import load_tokens, tokenize_texts
from sentiment_lab.data.vocabulary import Vocabulary, fit_vocabulary


@dataclass(frozen=True, eq=False)
class Part:
    """The encoded reviews of one part of a split."""

    name: str
    """"train", "validation" or "test"."""
    ids: NDArray[np.str_]
    """(reviews,)"""
    labels: NDArray[np.int8]
    """(reviews,), 1 positive and 0 negative."""
    sequences: TokenSequences
    """Token ids, at most `text.max_length` of each review."""

    def __len__(self) -> int:
        return len(self.labels)


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
    """(vocabulary, embedding_size), from which a network's embedding starts; None where it starts from random ones."""
    load_texts: Callable[[str], list[str]] = field(repr=False)
    """Returns the raw texts of a part."""

    def texts(self, part: str) -> list[str]:
        """Return the raw texts of "train", "validation" or "test", in the order of the part; loaded on first use."""
        return self.load_texts(part)

    def describe(self) -> dict[str, dict[str, float]]:
        """Return reviews, tokens and the share of positive reviews of each part."""
        return {
            part.name: {
                "reviews": len(part),
                "tokens": part.sequences.token_count,
                "positive_share": float(part.labels.mean()),
            }
            for part in (self.train, self.validation, self.test)
            if part is not None
        }


def build_dataset(config: Config, cache: Path) -> Dataset:
    """Load the reviews, split them, fit the vocabulary on the training part and encode all parts.

    Raises DataError where the reviews cannot be read and ConfigError where the split or the text settings don't fit
    them.
    """
    corpus, text = load_corpus(config.data, cache), config.text
    positions = split_reviews(corpus.reviews, config.split)
    hashed = split_hash(corpus.reviews, positions)
    words, sequences = load_tokens(cache, corpus.order_hash, lambda: corpus.texts, lowercase=text.lowercase)
    train = sequences.select(positions["train"])
    vocabulary = fit_vocabulary(words, train.counts(len(words)), text)
    token_of_word = vocabulary.encode(words)
    parts = _encode_parts(corpus, positions, sequences, token_of_word, text)
    if config.split.validation_is_test:
        positions["validation"], parts["validation"] = positions["test"], replace(parts["test"], name="validation")
    vectors = None
    if text.embedding_init != "uniform" and isinstance(config.model, RecurrentModel):
        reads_unlabelled = not isinstance(config.data, TableData) and config.data.unlabelled
        unlabelled = _encode_unlabelled(corpus, text, vocabulary, cache) if reads_unlabelled else None
        vectors = initial_vectors(
            text.embedding_init,
            train.renumber(token_of_word).reorder(text.order, text.order_window),
            parts["train"].labels,
            unlabelled,
            vocabulary_size=vocabulary.size,
            size=config.model.embedding_size,
            cache=cache,
        )
    return Dataset(
        parts["train"],
        parts.get("validation"),
        parts["test"],
        vocabulary,
        corpus.data_hash,
        hashed,
        vectors,
        lambda part: [corpus.texts[row] for row in positions[part]],
    )


def _encode_parts(
    corpus: Corpus,
    positions: Mapping[str, NDArray[np.int64]],
    sequences: TokenSequences,
    token_of_word: NDArray[np.int32],
    text: TextConfig,
) -> dict[str, Part]:
    """Return the parts that have reviews, by name."""
    ids = corpus.reviews["id"].to_numpy(dtype=np.str_)
    labels = corpus.reviews["label"].to_numpy(dtype=np.int8)
    truncated = sequences.truncate(text.max_length, text.keep)
    parts = {}
    for name, rows in positions.items():
        if len(rows):
            order = (name == "test" and text.test_order) or text.order
            encoded = truncated.select(rows).reorder(order, text.order_window).renumber(token_of_word)
            parts[name] = Part(name, ids[rows], labels[rows], encoded)
    return parts


def _encode_unlabelled(corpus: Corpus, text: TextConfig, vocabulary: Vocabulary, cache: Path) -> TokenSequences:
    texts = corpus.unlabelled
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    words, sequences = load_tokens(cache, digest, lambda: texts, lowercase=text.lowercase)
    return sequences.renumber(vocabulary.encode(words)).reorder(text.order, text.order_window)


def encode_texts(texts: Sequence[str], vocabulary: Vocabulary, text: TextConfig) -> TokenSequences:
    """Return the token ids of raw texts, the same that `build_dataset` gives them.

    Words stay in the order in which they are written, whatever `text.order` the model was trained on.
    """
    words, sequences = tokenize_texts(texts, lowercase=text.lowercase)
    return sequences.truncate(text.max_length, text.keep).renumber(vocabulary.encode(words))
