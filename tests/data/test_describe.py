"""Statistics of a corpus."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from sentiment_lab.config.settings import ImdbData
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.describe import describe_corpus, render_description
from sentiment_lab.data.reviews import Corpus, review_ids, text_digest
from sentiment_lab.data.sources.imdb import PUBLISHED

ROWS = [
    # text, label, film, part
    ("one two three", 1, "a", "train"),
    ("one two three ", 1, "b", "test"),
    ("four five six", 0, "a", "train"),
    ("seven", 1, "a", "test"),
    ("seven", 0, None, None),
    (" ".join(["word"] * 100), 0, None, None),
]


@pytest.fixture
def corpus() -> Corpus:
    reviews = pd.DataFrame(ROWS, columns=["text", "label", "film", "part"])
    texts = reviews.pop("text").tolist()
    reviews.insert(0, "id", review_ids(map(text_digest, texts)))
    return Corpus("small", reviews, "f" * 64, lambda: texts, lambda: ["a text without a label"])


def test_a_description_counts_everything(corpus: Corpus) -> None:
    assert describe_corpus(corpus) == {
        "name": "small",
        "data_hash": "f" * 64,
        "reviews": 6,
        "unlabelled": 1,
        "parts": {
            "train": {"positive": 1, "negative": 1},
            "test": {"positive": 2, "negative": 0},
            "none": {"positive": 0, "negative": 2},
        },
        "words": {"min": 1.0, "25%": 1.5, "median": 3.0, "75%": 3.0, "95%": 75.8, "max": 100.0, "mean": 18.5},
        "distinct_texts": 4,
        "duplicates": 2,
        "contradicting_texts": 1,
        "texts_in_several_parts": 1,
        "films": 2,
        "films_in_several_parts": 1,
        "most_reviews_of_a_film": 3,
        "ignored_files": 0,
        "notes": [],
    }


def test_a_description_is_plain_json(corpus: Corpus) -> None:
    description = describe_corpus(corpus)
    assert json.loads(json.dumps(description)) == description


def test_a_rendered_description_has_aligned_lines(corpus: Corpus) -> None:
    lines = render_description(describe_corpus(corpus)).splitlines()
    starts = ("corpus", "data_hash", "reviews", "  train", "  test", "  in no part", "without a label")
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=False)] == list(starts)
    column = lines[0].index("small")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 file of the operating system or of tools"), (3, "3 files of the operating system or of tools")],
)
def test_ignored_files_are_counted(corpus: Corpus, count: int, words: str) -> None:
    assert "ignored" not in render_description(describe_corpus(corpus))
    with_ignored = dataclasses.replace(corpus, ignored_files=count)
    assert render_description(describe_corpus(with_ignored)).splitlines()[-1].endswith(f"  {words}")


@pytest.mark.slow
@pytest.mark.real_data
def test_the_real_reviews_have_the_known_statistics(imdb_archive: Path, tmp_path: Path) -> None:
    data = ImdbData(source="imdb", path=str(imdb_archive), unlabelled=True, limit=None, expect=None)
    corpus = load_corpus(data, tmp_path)
    description = describe_corpus(corpus)
    half = {"positive": 12_500, "negative": 12_500}
    words = description.pop("words")
    assert (words["median"], words["max"], round(words["mean"])) == (173, 2470, 231)
    assert description == {
        "name": "imdb",
        "data_hash": PUBLISHED,
        "reviews": 50_000,
        "unlabelled": 50_000,
        "parts": {"train": half, "test": half},
        "distinct_texts": 49_582,
        "duplicates": 418,
        "contradicting_texts": 0,
        "texts_in_several_parts": 123,
        "films": 7_036,
        "films_in_several_parts": 1,  # tt0406816: 2 reviews in train, 23 in test
        "most_reviews_of_a_film": 30,
        "ignored_files": 0,
        "notes": [],
    }
    assert corpus.reviews["label"].head(45_000).mean() == pytest.approx(0.5, abs=0.01)
