"""The split into parts: the article's ranges, a stratified shuffle, or the published split.

Each of them has three properties: the parts are disjoint, together they hold every review, and the same seed gives the
same parts. Beyond that:

- `article` takes the rows in their order: first train, then validation, last test. Copies of one text may be in two
  parts, as they are in the article.
- `shuffled` is stratified by label and keeps the copies of one text in one part. Validation and test have exactly the
  configured size; where a text with c copies falls on the border they are smaller, by at most c - 1 reviews.
- `official` leaves train and test as they were published (123 texts of the IMDB reviews are in both). Validation is the
  published one, or is taken from train so that no film and no text is in both of those.

Where the reviews have groups (`data.group_column`), no group is in two parts: `shuffled` draws whole groups, so that
sizes are approximate; `official` refuses a group that is in two parts, and `article` refuses groups.

The reviews of a shuffled or official part depend on the reviews and the seed, not on the order of the rows.
A fraction is of all reviews; for `official`, of the published training part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.part_sizes import part_size, part_sizes
from sentiment_lab.config.settings import PARTS, SplitConfig
from sentiment_lab.data.reviews import NEGATIVE, POSITIVE

Positions = NDArray[np.int64]
GROUP = "group"
"""The column of reviews with groups that must not be in two parts; other reviews do not have it."""

FILM_DRAWS = 50
"""Draws of films; the one closest to the requested size and balance is used.

Films have up to 30 reviews, so one draw of a tenth of the official training part differs from its size by 5 % on
average; the best of 50 is within 2 % of the size and of the share of positive reviews.
"""


def split_reviews(reviews: pd.DataFrame, split: SplitConfig) -> dict[str, Positions]:
    """Return the positions of the reviews of "train", "validation" and "test": each int64 (reviews,), ascending.

    `reviews` is that of a Corpus. Validation may be empty, and is empty with `split.validation_is_test`.
    Raises ConfigError where the sizes do not fit the reviews, a part would lack positive or negative reviews, or the
    reviews lack the films or parts that the official split needs.
    """
    shuffled = _shuffled_groups if GROUP in reviews else _shuffled
    methods = {"article": _article, "shuffled": shuffled, "official": _official}
    positions = methods[split.method](reviews, split)
    labels = reviews["label"].to_numpy()
    for part, rows in positions.items():
        if part != "validation" or len(rows):
            _check_labels(part, labels[rows], split.method)
    return positions


def split_hash(reviews: pd.DataFrame, positions: Mapping[str, Positions]) -> str:
    """Return the SHA-256 of each part's name and the (id, label) pairs in it, in order."""
    pairs = [f"{name} {label}" for name, label in zip(reviews["id"].tolist(), reviews["label"].tolist(), strict=True)]
    lines: list[str] = []
    for part in PARTS:
        lines += [part, *(pairs[row] for row in positions[part].tolist())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _article(reviews: pd.DataFrame, split: SplitConfig) -> dict[str, Positions]:
    if GROUP in reviews:
        raise ConfigError(["split.method must be shuffled or official where data.group_column is set, got article"])
    train, validation, _ = part_sizes(split, len(reviews))
    parts = np.split(np.arange(len(reviews)), [train, train + validation])
    return dict(zip(PARTS, parts, strict=True))


def _shuffled(reviews: pd.DataFrame, split: SplitConfig) -> dict[str, Positions]:
    _, validation, test = part_sizes(split, len(reviews))
    texts, labels = _distinct_texts(reviews)
    copies = np.bincount(texts)
    parts = np.full(len(labels), "train", dtype="<U10")
    for part, count in (("test", test), ("validation", validation)):
        rest = np.flatnonzero(parts == "train")
        parts[_draw_texts(part, count, rest, copies[rest], labels[rest], split.seed)] = part
    return {part: np.flatnonzero(parts[texts] == part) for part in PARTS}


def _shuffled_groups(reviews: pd.DataFrame, split: SplitConfig) -> dict[str, Positions]:
    _, validation, test = part_sizes(split, len(reviews))
    groups, labels = _connected(reviews, GROUP), reviews["label"].to_numpy()
    parts = np.full(len(reviews), "train", dtype="<U10")
    for part, count in (("test", test), ("validation", validation)):
        rest = np.flatnonzero(parts == "train")
        if count:
            drawn = _fill_with_groups(groups[rest], labels[rest], count, split.seed)
            _check_size(part, count, len(drawn), groups[rest])
            parts[rest[drawn]] = part
    return {part: np.flatnonzero(parts == part) for part in PARTS}


def _fill_with_groups(groups: Positions, labels: NDArray[np.int8], count: int, seed: int) -> Positions:
    """Return rows of whole groups, at most `count`: of several random choices the one closest to size and balance."""
    from sklearn.utils import check_random_state

    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    wanted = count / len(groups) * np.bincount(labels, minlength=2)
    random = check_random_state(seed)
    draws = []
    for _ in range(FILM_DRAWS):
        chosen, left = np.zeros(len(sizes), bool), count
        for group in random.permutation(len(sizes)):
            if sizes[group] <= left:
                chosen[group] = True
                left -= sizes[group]
        draws.append(np.flatnonzero(chosen[numbers]))
    return min(draws, key=lambda rows: np.abs(np.bincount(labels[rows], minlength=2) - wanted).sum())


def _check_size(part: str, count: int, drawn: int, groups: Positions) -> None:
    if abs(drawn - count) > count / 2:
        problem = (
            f"split.{part} must be a size that whole groups of data.group_column have, got {count}: the nearest choice "
            f"has {drawn} of {len(groups)} reviews, and the largest group (with groups that share its texts) has "
            f"{np.bincount(groups).max()}"
        )
        raise ConfigError([problem])


def _official(reviews: pd.DataFrame, split: SplitConfig) -> dict[str, Positions]:
    published = reviews["part"].to_numpy(dtype=object)
    train, given, test = (np.flatnonzero(published == part) for part in PARTS)
    missing = len(reviews) - len(train) - len(given) - len(test)
    if missing:
        problem = (
            "split.method must be article or shuffled where reviews have no official part (the archive and the "
            "unpacked folder of data=imdb have it, and data=table with data.part_column), got official for "
            f"{missing} such reviews of {len(reviews)}"
        )
        raise ConfigError([problem])
    _check_groups(reviews)
    if len(given):
        if split.validation_is_test:
            problem = "split.validation_is_test must be false where the data have a validation part, got true"
            raise ConfigError([problem])
        return {"train": train, "validation": given, "test": test}
    count = part_size(split, "validation", len(train))
    if not count:
        return {"train": train, "validation": train[:0], "test": test}
    films, labels = _connected(reviews.iloc[train], "film"), reviews["label"].to_numpy()[train]
    rest, drawn = _draw_films(films, labels, count, split.seed)
    return {"train": train[rest], "validation": train[drawn], "test": test}


def _check_groups(reviews: pd.DataFrame) -> None:
    """Raise ConfigError for a group with reviews in two published parts."""
    if GROUP not in reviews:
        return
    pairs = reviews[[GROUP, "part"]].dropna().drop_duplicates()
    several = pairs[pairs[GROUP].duplicated(keep=False)]
    if len(several):
        first = several[GROUP].iloc[0]
        parts = " and ".join(several.loc[several[GROUP] == first, "part"])
        problem = (
            f"data.group_column must have each group in one part of data.part_column, got {several[GROUP].nunique()} "
            f"groups in several, such as {first!r} in {parts}"
        )
        raise ConfigError([problem])


def _distinct_texts(reviews: pd.DataFrame) -> tuple[Positions, Positions]:
    """Return the number of each review's text (reviews,) and the label of each text (texts,), in the order of ids."""
    names, texts = np.unique([name.partition(".")[0] for name in reviews["id"].tolist()], return_inverse=True)
    labels = np.full(len(names), NEGATIVE, np.int64)
    # A text with copies of both labels counts as positive, in any order of the source.
    np.maximum.at(labels, texts, reviews["label"].to_numpy())
    return texts, labels


def _draw_texts(part: str, count: int, rest: Positions, copies: Positions, labels: Positions, seed: int) -> Positions:
    """Return the texts out of `rest` for `part`: `count` reviews, stratified by label."""
    from sklearn.model_selection import StratifiedShuffleSplit

    if not count:
        return rest[:0]
    fewest = np.bincount(labels, minlength=2).min()
    if count < 2 or fewest < 2:
        problem = (
            f"split.{part} must be at least 2 reviews, out of at least 2 distinct texts of each label, "
            f"got {count} out of {fewest}"
        )
        raise ConfigError([problem])
    size = min(count, len(rest) - 2)
    draws = StratifiedShuffleSplit(n_splits=1, test_size=size, random_state=seed).split(rest, labels)
    drawn: Positions = next(draws)[1]
    # scikit-learn shuffles the drawn texts, so dropping the last of them because of copies favours neither label.
    return rest[drawn[np.cumsum(copies[drawn]) <= count]]


def _draw_films(groups: Positions, labels: NDArray[np.int8], count: int, seed: int) -> tuple[Positions, Positions]:
    """Return the rows that remain and those of validation, about `count`; `groups` are the numbers of films."""
    from sklearn.model_selection import GroupShuffleSplit

    share, sets = count / len(groups), len(np.unique(groups))
    if sets < 2 or share >= 1:
        problem = f"split.validation must leave at least one film for train, got {count} of {len(groups)} reviews"
        raise ConfigError([problem])
    size = min(max(1, round(share * sets)), sets - 1)
    draws = GroupShuffleSplit(n_splits=FILM_DRAWS, test_size=size, random_state=seed).split(groups, groups=groups)
    wanted = share * np.bincount(labels, minlength=2)
    rest, drawn = min(draws, key=lambda draw: np.abs(np.bincount(labels[draw[1]], minlength=2) - wanted).sum())
    return rest, drawn


def _connected(reviews: pd.DataFrame, column: str) -> Positions:
    """Return a number for each review (reviews,), equal for those connected by shared films or groups, or by texts.

    A review without film or group is connected by its text only.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    groups, names = pd.factorize(reviews[column], sort=True)
    texts, labels = _distinct_texts(reviews)
    nodes = len(names) + len(labels)
    named = groups >= 0
    links = coo_array((np.ones(named.sum()), (groups[named], len(names) + texts[named])), shape=(nodes, nodes))
    return connected_components(links, directed=False)[1][len(names) + texts].astype(np.int64)


def _check_labels(part: str, labels: NDArray[np.int8], method: str) -> None:
    negative, positive = int((labels == NEGATIVE).sum()), int((labels == POSITIVE).sum())
    if not negative or not positive:
        fix = "; split=shuffled mixes rows that are sorted by label" if method == "article" else ""
        problem = f"split must leave reviews of both labels in {part}, got {negative} negative and {positive} positive"
        raise ConfigError([problem + fix])
