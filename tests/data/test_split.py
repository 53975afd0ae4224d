"""The three laws of every split, the sizes and balance of parts, and the errors of a split that does not fit."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import PARTS, SplitConfig
from sentiment_lab.data.reviews import review_ids
from sentiment_lab.data.split import split_hash, split_reviews


def sizes(method="shuffled", train=None, validation=0, test=None, seed=0, validation_is_test=False):
    return SplitConfig(
        method=method, train=train, validation=validation, test=test, validation_is_test=validation_is_test, seed=seed
    )


def frame(texts, labels, films=None, parts=None):
    """Return reviews whose texts are numbers."""
    digests = [hashlib.sha256(str(text).encode()).hexdigest() for text in texts]
    return pd.DataFrame(
        {
            "id": review_ids(digests),
            "label": np.array(labels, np.int8),
            "film": None if films is None else [f"tt{film}" for film in films],
            "part": parts,
            "origin": "",
        }
    )


def distinct(reviews, positive=0.5):
    return frame(range(reviews), np.arange(reviews) * 37 % 100 < 100 * positive)


def official(reviews, seed=0, films=None):
    """Return reviews of films whose reviewers mostly agree, the first half published as train."""
    generator = np.random.default_rng(seed)
    film = generator.integers(films or reviews // 8, size=reviews) * 2 + (np.arange(reviews) >= reviews // 2)
    labels = (film // 2 % 2 == 0) ^ (generator.random(reviews) < 0.3)
    texts = generator.integers(reviews * 20, size=reviews)
    return frame(texts, labels, film, np.where(np.arange(reviews) < reviews // 2, "train", "test"))


def grouped(groups, parts=None):
    """Return reviews of different texts with these groups and alternating labels."""
    reviews = frame(range(len(groups)), np.arange(len(groups)) % 2, groups, parts)
    return reviews.assign(group=reviews["film"])


def texts_of(reviews, rows):
    return set(reviews["id"].iloc[rows].str.split(".").str[0])


@st.composite
def corpora(draw):
    """Reviews, some of them copies of others, and the largest number of copies of one text."""
    labels = [*[True, False] * 20, *draw(st.lists(st.booleans(), max_size=60))]
    copied = draw(st.lists(st.integers(0, len(labels) - 1), max_size=20))
    texts = [*range(len(labels)), *copied]
    return frame(texts, [labels[text] for text in texts]), max(np.bincount(texts))


def as_sets(reviews, positions):
    return {part: set(reviews["id"].iloc[rows]) for part, rows in positions.items()}


def assert_disjoint_and_exhaustive(positions, reviews):
    assert list(positions) == list(PARTS)
    assert sorted(np.concatenate(list(positions.values()))) == list(range(len(reviews)))
    for rows in positions.values():
        assert rows.dtype == np.int64
        assert (np.diff(rows) > 0).all()


def test_article_takes_ranges_of_rows():
    positions = split_reviews(distinct(100), sizes("article", train=70, validation=10, test=20))
    assert positions["train"].tolist() == list(range(70))
    assert positions["validation"].tolist() == list(range(70, 80))
    assert positions["test"].tolist() == list(range(80, 100))


@settings(max_examples=30)
@given(corpora(), st.integers(0, 1000), st.sampled_from([0, 12, 0.2]), st.sampled_from([12, 0.2, 0.4]))
def test_shuffled_parts_are_disjoint_exhaustive_and_share_no_text(corpus, seed, validation, test):
    reviews, copies = corpus
    split = sizes(validation=validation, test=test, seed=seed)
    positions = split_reviews(reviews, split)
    assert_disjoint_and_exhaustive(positions, reviews)
    texts = [texts_of(reviews, rows) for rows in positions.values()]
    assert sum(map(len, texts)) == len(set.union(*texts))
    for part, size in (("validation", validation), ("test", test)):
        size = round(size * len(reviews)) if isinstance(size, float) else size
        assert max(0, size - copies + 1) <= len(positions[part]) <= size


@settings(max_examples=15)
@given(st.integers(100, 300), st.sampled_from([0.2, 0.5, 0.7]), st.integers(0, 1000))
def test_shuffled_parts_are_stratified_by_label(count, positive, seed):
    reviews = distinct(count, positive)
    positions = split_reviews(reviews, sizes(validation=30, test=0.3, seed=seed))
    assert len(positions["validation"]) == 30
    assert len(positions["test"]) == round(0.3 * count)
    share = reviews["label"].mean()
    for rows in positions.values():
        assert abs(reviews["label"].iloc[rows].sum() - share * len(rows)) <= 2


@pytest.mark.parametrize("size", [0.1, 120])
def test_official_keeps_the_published_parts_and_draws_validation_by_film(size):
    reviews = official(2400)
    positions = split_reviews(reviews, sizes("official", validation=size))
    assert_disjoint_and_exhaustive(positions, reviews)
    assert set(reviews["part"].iloc[positions["test"]]) == {"test"}
    assert set(reviews["part"].iloc[positions["train"]]) == {"train"}
    train, validation = positions["train"], positions["validation"]
    assert not set(reviews["film"].iloc[train]) & set(reviews["film"].iloc[validation])
    assert not texts_of(reviews, train) & texts_of(reviews, validation)
    assert len(validation) == pytest.approx(120, rel=0.1)
    assert reviews["label"].iloc[validation].mean() == pytest.approx(reviews["label"].iloc[:1200].mean(), abs=0.05)


def test_official_draws_validation_by_text_where_no_film_is_known():
    reviews = frame([*range(20), *range(20), 98, 99], [0, 1] * 21, None, ["train"] * 40 + ["test"] * 2)
    positions = split_reviews(reviews, sizes(method="official", validation=10))
    assert len(positions["validation"]) == 10
    assert not texts_of(reviews, positions["train"]) & texts_of(reviews, positions["validation"])


def test_official_uses_the_validation_part_of_the_data():
    parts = ["train", "train", "validation", "validation", "test", "test"]
    positions = split_reviews(frame(range(6), [0, 1] * 3, None, parts), sizes(method="official", validation=0.5))
    assert {part: rows.tolist() for part, rows in positions.items()} == {
        "train": [0, 1],
        "validation": [2, 3],
        "test": [4, 5],
    }


@pytest.mark.parametrize("seed", range(4))
def test_no_group_and_no_text_is_in_two_parts(seed):
    generator = np.random.default_rng(seed)
    groups = [None if group % 9 == 0 else f"g{group}" for group in generator.integers(0, 60, 200)]
    reviews = frame(generator.integers(0, 400, 200), np.arange(200) % 2).assign(group=groups)
    positions = split_reviews(reviews, sizes(validation=0.2, test=0.2, seed=seed))
    assert sorted(np.concatenate(list(positions.values())).tolist()) == list(range(200))
    assert all(len(positions[part]) == 40 for part in ("validation", "test"))
    for one, other in itertools.combinations(positions.values(), 2):
        assert not set(reviews["group"].iloc[one].dropna()) & set(reviews["group"].iloc[other].dropna())
        assert not texts_of(reviews, one) & texts_of(reviews, other)
    again = split_reviews(reviews[::-1], sizes(validation=0.2, test=0.2, seed=seed))
    assert {part: sorted(199 - rows) for part, rows in again.items()} == {p: r.tolist() for p, r in positions.items()}


def test_films_that_share_a_text_stay_in_one_part():
    texts = [0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9]
    films = [1, 1, 2, 2, 3, 3, 3, 4, 5, 5, 6, 6]
    reviews = frame([*texts, 10, 11], [0, 1] * 7, [*films, 7, 7], ["train"] * 12 + ["test"] * 2)
    for seed in range(10):
        positions = split_reviews(reviews, sizes("official", validation=4, seed=seed))
        assert {0, 1} <= {len({2, 3, 4, 5, 6, 7} & set(rows)) // 6 for rows in positions.values()}
        assert len({2, 3, 4, 5, 6, 7} & set(positions["train"])) in (0, 6)


def test_official_without_validation_leaves_train_unchanged():
    reviews = official(40)
    positions = split_reviews(reviews, sizes("official"))
    assert [len(positions[part]) for part in PARTS] == [20, 0, 20]


@pytest.mark.parametrize(
    ("reviews", "split"), [(distinct(200), {"test": 0.2}), (official(400), {"method": "official"})]
)
def test_the_parts_depend_on_the_seed_and_not_on_the_order_of_rows(reviews, split):
    def drawn(reviews, seed):
        return as_sets(reviews, split_reviews(reviews, sizes(**split, validation=0.2, seed=seed)))

    once = drawn(reviews, 7)
    assert drawn(reviews, 7) == once
    assert drawn(reviews.sample(frac=1, random_state=1).reset_index(drop=True), 7) == once
    assert len({frozenset(drawn(reviews, seed)["validation"]) for seed in range(5)}) == 5


def test_fractions_that_sum_to_one_fit_any_number_of_reviews():
    for count in range(40, 60):
        reviews = distinct(count)
        positions = split_reviews(reviews, sizes(train=0.7, validation=0.15, test=0.15))
        assert_disjoint_and_exhaustive(positions, reviews)


@pytest.mark.parametrize(
    ("reviews", "split", "message"),
    [
        (
            distinct(100),
            {"method": "article", "train": 70, "test": 20},
            (
                "split.train must be 80 where split.validation and split.test take 0 and 20 of 100 reviews, got 70, "
                "which leaves 10 in no part"
            ),
        ),
        (
            distinct(100),
            {"train": 0.9, "test": 20},
            (
                "split.train must be 80 or null, which takes the rest, where split.validation and split.test take 0 "
                "and 20 of 100 reviews, got 0.9, which is 10 more than there are"
            ),
        ),
        (
            distinct(100),
            {"method": "article", "train": 45000, "test": 5000},
            "split.validation + split.test must be below 100, the number of reviews, got 0 + 5000",
        ),
        (
            distinct(100),
            {"method": "official"},
            (
                "split.method must be article or shuffled where reviews have no official part (the archive and the "
                "unpacked folder of data=imdb have it, and data=table with data.part_column), got official for 100 "
                "such reviews of 100"
            ),
        ),
        (
            grouped([1, 1, 2, 2], parts=["train", "test", "test", "test"]),
            {"method": "official"},
            (
                "data.group_column must have each group in one part of data.part_column, got 1 groups in several, such "
                "as 'tt1' in train and test"
            ),
        ),
        (
            grouped([1, 2, 3, 4], parts=["train", "train", "validation", "test"]),
            {"method": "official", "validation_is_test": True},
            "split.validation_is_test must be false where the data have a validation part, got true",
        ),
        (
            grouped([1] * 90 + list(range(2, 12))),
            {"method": "shuffled", "test": 50},
            (
                "split.test must be a size that whole groups of data.group_column have, got 50: the nearest choice has "
                "10 of 100 reviews, and the largest group (with groups that share its texts) has 90"
            ),
        ),
        (
            grouped([1] * 100),
            {"method": "shuffled", "test": 50},
            (
                "split.test must be a size that whole groups of data.group_column have, got 50: the nearest choice has "
                "0 of 100 reviews, and the largest group (with groups that share its texts) has 100"
            ),
        ),
        (
            grouped([1, 2, 3, 4]),
            {"method": "article", "train": 2, "test": 2},
            "split.method must be shuffled or official where data.group_column is set, got article",
        ),
        (
            official(40),
            {"method": "official", "validation": 20},
            "split.validation must leave at least one film for train, got 20 of 20 reviews",
        ),
        (
            official(40, films=1),
            {"method": "official", "validation": 5},
            "split.validation must leave at least one film for train, got 5 of 20 reviews",
        ),
        (
            distinct(100),
            {"test": 1},
            "split.test must be at least 2 reviews, out of at least 2 distinct texts of each label, got 1 out of 50",
        ),
        (
            frame([0, 0, 0, 1, 2, 3], [1, 1, 1, 0, 0, 0]),
            {"test": 2},
            "split.test must be at least 2 reviews, out of at least 2 distinct texts of each label, got 2 out of 1",
        ),
        (
            frame(range(100), np.arange(100) < 50),
            {"method": "article", "train": 60, "test": 40},
            (
                "split must leave reviews of both labels in test, got 40 negative and 0 positive; split=shuffled mixes "
                "rows that are sorted by label"
            ),
        ),
        (
            frame(range(100), np.arange(100) < 2),
            {"test": 4},
            "split must leave reviews of both labels in test, got 4 negative and 0 positive",
        ),
    ],
)
def test_a_split_that_does_not_fit_names_the_setting_and_the_fix(reviews, split, message):
    with pytest.raises(ConfigError) as caught:
        split_reviews(reviews, sizes(**split))
    assert str(caught.value) == message


def test_split_hash_depends_on_the_reviews_of_each_part_in_order():
    reviews = distinct(6)
    positions = {"train": np.array([0, 1, 2]), "validation": np.array([3]), "test": np.array([4, 5])}
    lines = [f"{name} {label}" for name, label in zip(reviews["id"], reviews["label"], strict=True)]
    expected = ["train", *lines[:3], "validation", lines[3], "test", *lines[4:]]
    first = split_hash(reviews, positions)
    assert first == hashlib.sha256("\n".join(expected).encode()).hexdigest()
    others = [
        split_hash(reviews, {**positions, "validation": np.array([4]), "test": np.array([3, 5])}),
        split_hash(reviews, {**positions, "train": np.array([0, 2, 1])}),
        split_hash(reviews.assign(label=1 - reviews["label"]), positions),
    ]
    assert len({first, *others}) == 4
