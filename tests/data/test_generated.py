"""The generated reviews: the cue and the verdict decide the label, at exactly the configured distance."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment_lab.config.settings import GeneratedData
from sentiment_lab.data.reviews import NEGATIVE, POSITIVE, data_hash, text_digest
from sentiment_lab.data.sources.source_data import Review
from sentiment_lab.data.synthetic import grammar
from sentiment_lab.data.synthetic.generator import read_generated
from sentiment_lab.data.synthetic.sentences import SHORTEST, Draw, film, neutral, size
from sentiment_lab.data.tokenizer import tokenize

OPINIONS = {POSITIVE: grammar.POSITIVE_WORDS, NEGATIVE: grammar.NEGATIVE_WORDS}


def settings(**changes: object) -> GeneratedData:
    plain = GeneratedData(
        source="generated", reviews=400, unlabelled=0, length=40, distance=10, turned=1.0, seed=0, expect=None
    )
    return dataclasses.replace(plain, **changes)


def reviews_of(**changes: object) -> list[Review]:
    return read_generated(settings(**changes)).reviews


def _patterns() -> list[tuple[bool, int, re.Pattern[str]]]:
    """Return, for each kind of cue and each pairing: whether the cue turns, the verdict's label, the pattern."""
    patterns = []
    for cue, turns, label in itertools.product(grammar.CUES, (False, True), OPINIONS):
        slots = {"adjective": "|".join(OPINIONS[label].adjectives), "noun": "|".join(OPINIONS[label].nouns)}
        slots = {name: f"(?:{words})" for name, words in slots.items()}
        cues = "|".join(cue.turns if turns else cue.keeps).format(person=r"\w+")
        verdicts = "|".join(cue.verdicts).format(he="(?:he|she)", him="(?:him|her)", **slots)
        pattern = rf"(?:^|[.>] ?)(?:{cues})\. (?P<between>(?:.*[.,] )?)(?:{verdicts})[.!]$"
        patterns.append((turns, label, re.compile(pattern, re.IGNORECASE)))
    return patterns


PATTERNS = _patterns()


def dissected(text: str) -> tuple[bool, int, str] | None:
    """Return whether the cue turns, the label of the verdict, and the text between them; None for a plain review."""
    matches = [
        (turns, label, match["between"]) for turns, label, pattern in PATTERNS if (match := pattern.search(text))
    ]
    assert len(matches) <= 1, text
    return matches[0] if matches else None


def score_of_word_counts(reviews: list[Review]) -> float:
    """Return the accuracy of logistic regression on counts of words and word pairs, fitted on the first half."""
    half = len(reviews) // 2
    counts = CountVectorizer(ngram_range=(1, 2), tokenizer=tokenize, token_pattern=None)
    labels = [review.label for review in reviews]
    texts = [review.text for review in reviews]
    model = LogisticRegression(solver="liblinear").fit(counts.fit_transform(texts[:half]), labels[:half])
    return float(model.score(counts.transform(texts[half:]), labels[half:]))


@pytest.mark.parametrize("distance", [0, 1, 2, 3, 4, 5, 9, 10, 40])
def test_cue_and_verdict_decide_the_label_at_exactly_the_distance(distance: int) -> None:
    for review in reviews_of(distance=distance, reviews=200):
        dissection = dissected(review.text)
        assert dissection is not None, review.text
        turns, verdict, between = dissection
        assert verdict ^ turns == review.label, review.text
        assert len(tokenize(between)) == distance, review.text


def test_all_pairings_of_cue_and_verdict_are_equally_frequent() -> None:
    pairings = Counter(parts[:2] for review in reviews_of() if (parts := dissected(review.text)))
    assert set(pairings.values()) == {100}
    assert len(pairings) == 4


def test_every_kind_of_cue_and_verdict_is_used() -> None:
    texts = [review.text for review in reviews_of(reviews=2000)]
    joined = " ".join(texts).lower()
    cues = [phrase for cue in grammar.CUES for phrase in cue.keeps + cue.turns]
    assert [cue for cue in cues if cue.lower().split("{person}")[0] not in joined] == []


def test_word_counts_are_near_chance_on_turned_reviews() -> None:
    assert score_of_word_counts(reviews_of(reviews=2000)) == pytest.approx(0.5, abs=0.06)


def test_word_counts_suffice_on_plain_reviews() -> None:
    assert score_of_word_counts(reviews_of(reviews=1000, turned=0.0)) > 0.95


def test_word_counts_predict_three_quarters_of_half_turned_reviews() -> None:
    assert score_of_word_counts(reviews_of(reviews=4000, turned=0.5)) == pytest.approx(0.75, abs=0.04)


@pytest.mark.parametrize("turned", [0.0, 0.3, 0.5, 1.0])
def test_the_share_of_turned_reviews_is_exact(turned: float) -> None:
    is_turned = [dissected(review.text) is not None for review in reviews_of(turned=turned, reviews=400)]
    assert sum(is_turned) == turned * 400


@pytest.mark.parametrize("turned", [0.0, 0.5, 1.0])
def test_labels_are_balanced_in_every_pair(turned: float) -> None:
    labels = np.array([review.label for review in reviews_of(turned=turned)])
    assert (labels.reshape(-1, 2).sum(axis=1) == 1).all()
    assert 0 < labels[::2].sum() < 200


def test_cues_are_balanced_in_both_official_parts() -> None:
    for part in ("train", "test"):
        turns = [dissected(review.text)[0] for review in reviews_of(reviews=2000) if review.part == part]
        assert np.mean(turns) == pytest.approx(0.5, abs=0.05)


def test_a_review_does_not_depend_on_the_number_of_reviews() -> None:
    few, many = read_generated(settings(reviews=30, unlabelled=7)), read_generated(settings(reviews=90, unlabelled=9))
    assert many.reviews[:30] == few.reviews
    assert many.unlabelled[:7] == few.unlabelled
    assert not {review.text for review in many.reviews} & set(many.unlabelled)


def test_the_texts_depend_on_the_seed() -> None:
    assert reviews_of() == reviews_of()
    assert not {review.text for review in reviews_of(seed=1)} & {review.text for review in reviews_of(seed=2)}


def test_the_texts_of_a_seed_are_pinned() -> None:
    reviews = reviews_of(reviews=20, turned=0.5)
    digest = data_hash([text_digest(review.text) for review in reviews], [review.label for review in reviews])
    pinned = "a7306d451fa636b63cd6bf752dc1a6aa7d00f493bff4a0238ba56d03a97fc6e5"
    assert digest == pinned, "raise GRAMMAR_VERSION with any change of the texts"


@pytest.mark.parametrize("turned", [0.0, 1.0])
@pytest.mark.parametrize("length", [40, 150])
def test_lengths_have_the_configured_mean(length: int, turned: float) -> None:
    lengths = [len(tokenize(review.text)) for review in reviews_of(length=length, turned=turned, reviews=1000)]
    assert np.mean(lengths) == pytest.approx(length, rel=0.04)
    assert np.std(lengths) > 0.1 * length


def test_a_long_distance_makes_reviews_longer() -> None:
    assert min(len(tokenize(review.text)) for review in reviews_of(distance=100, length=20)) > 100


def test_no_text_occurs_twice() -> None:
    assert len({review.text for review in reviews_of(reviews=4000, turned=0.5)}) == 4000


def test_texts_have_the_signs_of_real_ones() -> None:
    text = " ".join(review.text for review in reviews_of(reviews=1000, turned=0.5))
    for sign in ("!", "?", "n't", "8/10", "<br /><br />"):
        assert sign in text
    assert len(set(tokenize(text))) > 500


def test_films_have_several_reviews_of_both_labels_in_one_part() -> None:
    films: dict[str, list[Review]] = {}
    for review in reviews_of(reviews=4800):
        films.setdefault(str(review.film), []).append(review)
    assert 780 <= len(films) <= 800
    assert all(len({review.part for review in reviews}) == 1 for reviews in films.values())
    assert sum(len({review.label for review in reviews}) == 2 for reviews in films.values()) > 700
    train = sum(len(reviews) for reviews in films.values() if reviews[0].part == "train")
    assert train == pytest.approx(2400, rel=0.05)


@pytest.mark.parametrize("themes", [grammar.THEMES, grammar.IMPERSONAL])
def test_neutral_text_has_exactly_the_requested_words(themes: tuple[grammar.Theme, ...]) -> None:
    draw = Draw("neutral")
    for words in [0, *range(SHORTEST, 60)] * 3:
        sentences = neutral(draw, film(0, words), words, themes)
        assert len(tokenize(" ".join(sentences))) == words
        assert sum(map(size, sentences)) == words


def test_neutral_text_has_no_word_of_an_opinion_or_of_one_kind_of_cue_alone() -> None:
    draw = Draw("neutral")
    neutral_words = set(
        tokenize(" ".join(sentence for number in range(500) for sentence in neutral(draw, film(0, number), 60)))
    )
    opinions = {word for words in OPINIONS.values() for word in words.adjectives + words.nouns + words.verbs}
    cue_words = set()
    for cue in grammar.CUES:
        cue_words |= set(tokenize(" ".join(cue.keeps))) ^ set(tokenize(" ".join(cue.turns)))
    # "and" joins clauses everywhere; its counterpart "but" occurs in cues alone.
    assert neutral_words & (opinions | cue_words) == {"and"}
