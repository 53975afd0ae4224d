"""The texts of selected reviews, for display."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sentiment_lab.config.settings import DataConfig
from sentiment_lab.data.corpus import load_corpus


def read_texts(data: DataConfig, cache: Path, ids: Collection[str]) -> dict[str, str]:
    """Return the raw texts of the reviews with these ids, without those that the data lacks. Downloads nothing.

    Raises DataError where the data cannot be read here.
    """
    corpus, wanted = load_corpus(data, cache, may_download=False), set(ids)
    pairs = zip(corpus.reviews["id"].tolist(), corpus.texts, strict=True)
    return {name: text for name, text in pairs if name in wanted}
