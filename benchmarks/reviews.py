"""The real reviews, prepared once for all measures: a CSV in Kaggle's format, a cache, and a file of encoded parts."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.settings import ImdbData
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.dataset import Part, build_dataset
from sentiment_lab.data.reviews import Corpus, DataError
from sentiment_lab.data.sources.locate import locate
from sentiment_lab.data.token_sequences import TokenSequences

ORDER = 2011
"""Seed of the shuffled order of the archive's reviews; train and test are mixed as in Kaggle's file."""


class MissingDataError(Exception):
    """The real reviews are missing; the text names the searched paths."""


@dataclass
class Reviews:
    """The real reviews in a working folder."""

    path: str | None
    """Value of --data; None searches SENTIMENT_LAB_DATA and the user's cache."""
    work: Path
    limit: int | None

    @cached_property
    def source(self) -> Path:
        """Path of the reviews."""
        import platformdirs

        try:
            return locate(self.path, Path(platformdirs.user_cache_dir("sentiment_lab")), may_download=False).resolve()
        except DataError as error:
            raise MissingDataError(str(error)) from error

    @cached_property
    def table(self) -> Path:
        """A CSV of the reviews whose first 45,000 rows are the train part; the source itself if it is a table."""
        if self.limit is None and self.source.suffix in (".csv", ".zip"):
            return self.source
        corpus = load_corpus(_imdb(self.source, self.limit), self.work / "archive")
        rows = list(zip(corpus.texts, corpus.reviews["label"].tolist(), strict=True))
        random.Random(ORDER).shuffle(rows)  # noqa: S311
        path = self.work / "reviews.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["review", "sentiment"])
            writer.writerows((text, "positive" if label else "negative") for text, label in rows)
        return path

    @cached_property
    def cache(self) -> Path:
        """A cache that contains only the parsed reviews, nothing derived from them."""
        folder = self.work / "parsed"
        load_corpus(_imdb(self.table), folder)
        return folder

    @cached_property
    def count(self) -> int:
        """Number of reviews."""
        return len(self.corpus.reviews)

    @property
    def train(self) -> int:
        """Size of the train part: 45,000 of 50,000."""
        return self.count - (5_000 if self.count == 50_000 else self.count // 5)

    @cached_property
    def corpus(self) -> Corpus:
        """The reviews in the order of the table."""
        return load_corpus(_imdb(self.table), self.cache)

    def overrides(self, *more: str) -> list[str]:
        """Return overrides that select these reviews with the article's split."""
        sizes = ["split=article", f"split.train={self.train}", f"split.test={self.count - self.train}"]
        return [f"data.path={self.table}", *sizes, *more]

    def encoded(self) -> Path:
        """Return a file with the encoded train part of `data=imdb split=article`, for all candidates."""
        overrides = ["data=imdb", *self.overrides(), "training.selection=last", "text.embedding_init=uniform"]
        config = compose_config(overrides)
        path = self.work / f"train-{config.text.max_length}.npz"
        if not path.is_file():
            dataset = build_dataset(config, self.work / "encoded")
            part = dataset.train
            sequences = part.sequences
            arrays = {"token_ids": sequences.ids, "offsets": sequences.offsets, "labels": part.labels}
            np.savez(path, vocabulary_size=dataset.vocabulary.size, **arrays)
        return path


def load_part(path: str) -> tuple[Part, int]:
    """Read the file of `Reviews.encoded`; return the part and the size of its vocabulary."""
    with np.load(path) as arrays:
        labels = arrays["labels"]
        names = np.empty(len(labels), np.str_)
        part = Part("train", names, labels, TokenSequences(arrays["token_ids"], arrays["offsets"]))
        return part, int(arrays["vocabulary_size"])


def padded(part: Part, max_length: int) -> np.ndarray:
    """Return the token ids of all reviews, padded with 0 on the right: (reviews, max_length) int32."""
    token_ids = np.zeros((len(part), max_length), np.int32)
    token_ids[np.arange(max_length) < part.sequences.lengths[:, np.newaxis]] = part.sequences.ids
    return token_ids


def load_texts(settings: dict[str, Any]) -> Corpus:
    """Load the reviews in a child, with their texts in memory."""
    corpus = load_corpus(_imdb(Path(settings["table"])), Path(settings["cache"]))
    corpus.texts  # noqa: B018
    return corpus


def _imdb(path: Path, limit: int | None = None) -> ImdbData:
    return ImdbData(source="imdb", path=str(path), unlabelled=False, limit=limit, expect=None)
