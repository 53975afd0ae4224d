"""Statistics of a corpus: counts, lengths, duplicates, films."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from sentiment_lab.config.settings import PARTS
from sentiment_lab.data.reviews import Corpus
from sentiment_lab.data.sources.source_data import LABELS

NO_PART = "none"
"""The part of reviews without an official one."""
_QUANTILES = {"min": 0.0, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1.0}


def describe_corpus(corpus: Corpus) -> dict[str, Any]:
    """Describe a corpus in plain numbers and strings, ready for JSON.

    `parts` counts by part and label. `words` has quantiles and the mean of the number of words of a review, split at
    white space. `duplicates` counts the reviews beyond the first of each text. `contradicting_texts` occur with both
    labels, `texts_in_several_parts` and `films_in_several_parts` in both official parts.
    """
    reviews = corpus.reviews
    texts = reviews["id"].str.partition(".")[0]
    films = reviews["film"].value_counts()
    return {
        "name": corpus.name,
        "data_hash": corpus.data_hash,
        "reviews": len(reviews),
        "unlabelled": len(corpus.unlabelled),
        "parts": _counts(reviews),
        "words": _words(corpus.texts),
        "distinct_texts": int(texts.nunique()),
        "duplicates": int(texts.duplicated().sum()),
        "contradicting_texts": _with_both(texts, reviews["label"]),
        "texts_in_several_parts": _with_both(texts, reviews["part"]),
        "films": len(films),
        "films_in_several_parts": _with_both(reviews["film"], reviews["part"]),
        "most_reviews_of_a_film": int(films.max()) if len(films) else 0,
        "ignored_files": corpus.ignored_files,
        "notes": list(corpus.notes),
    }


def render_description(description: dict[str, Any]) -> str:
    """Render a description as the lines that `sentiment-lab data info` prints."""
    lines = [
        ("corpus", description["name"]),
        ("data_hash", description["data_hash"]),
        ("reviews", f"{description['reviews']:,}"),
        *(
            ("  in no part" if part == NO_PART else f"  {part}", _labels(counts))
            for part, counts in description["parts"].items()
        ),
        ("without a label", f"{description['unlabelled']:,}"),
        ("words in a review", ", ".join(f"{name} {value:g}" for name, value in description["words"].items())),
        ("distinct texts", f"{description['distinct_texts']:,} ({description['duplicates']:,} copies)"),
        ("  with both labels", f"{description['contradicting_texts']:,}"),
        ("  in several parts", f"{description['texts_in_several_parts']:,}"),
        *_film_lines(description),
    ]
    if ignored := description["ignored_files"]:
        lines.append(("ignored", f"{ignored:,} file{'s' * (ignored > 1)} of the operating system or of tools"))
    lines += [("note", note) for note in description["notes"]]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _film_lines(description: dict[str, Any]) -> list[tuple[str, str]]:
    own = description["name"] == "table"
    if own and not description["films"]:
        return []
    most = f"(at most {description['most_reviews_of_a_film']:,} reviews of one)"
    return [
        ("groups" if own else "films", f"{description['films']:,} {most}"),
        ("  in several parts", f"{description['films_in_several_parts']:,}"),
    ]


def _counts(reviews: pd.DataFrame) -> dict[str, dict[str, int]]:
    counts = Counter(zip(reviews["part"].fillna(NO_PART), reviews["label"], strict=True))
    names = {part for part, _ in counts}
    return {
        part: {word: counts[part, label] for word, label in LABELS.items()}
        for part in (*PARTS, NO_PART)
        if part in names
    }


def _with_both(names: pd.Series[str], values: pd.Series[Any]) -> int:
    """Count the names that occur with two values; missing names and values are ignored."""
    pairs = pd.DataFrame({"name": names, "value": values}).dropna().drop_duplicates()
    return int(pairs["name"].duplicated().sum())


def _words(texts: list[str]) -> dict[str, float]:
    lengths = np.array([len(text.split()) for text in texts])
    quantiles = {name: round(float(np.quantile(lengths, share)), 1) for name, share in _QUANTILES.items()}
    return {**quantiles, "mean": round(float(lengths.mean()), 1)}


def _labels(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in counts.items())
