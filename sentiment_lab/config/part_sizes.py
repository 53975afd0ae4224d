"""Number of reviews in each part of a split, from the sizes and fractions of the config."""

from __future__ import annotations

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import SplitConfig


def part_sizes(split: SplitConfig, reviews: int) -> tuple[int, int, int]:
    """Return the number of reviews in train, validation and test for the methods `article` and `shuffled`.

    `reviews` is the number of labelled reviews. Raises ConfigError if the sizes do not add up to it.
    """
    validation, test = part_size(split, "validation", reviews), part_size(split, "test", reviews)
    rest = reviews - validation - test
    if rest < 1:
        sizes = f"{validation} + {test}"
        raise ConfigError(
            [f"split.validation + split.test must be below {reviews}, the number of reviews, got {sizes}"]
        )
    train = rest if split.train is None else part_size(split, "train", reviews)
    # Fractions are rounded to whole counts, so the sum may differ from the total by one.
    slack = 1 if any(isinstance(size, float) for size in (split.train, split.validation, split.test)) else 0
    if abs(train - rest) > slack:
        null = " or null, which takes the rest," if split.method == "shuffled" else ""
        miss = f"leaves {rest - train} in no part" if train < rest else f"is {train - rest} more than there are"
        problem = (
            f"split.train must be {rest}{null} where split.validation and split.test take {validation} and {test} "
            f"of {reviews} reviews, got {split.train}, which {miss}"
        )
        raise ConfigError([problem])
    return rest, validation, test


def part_size(split: SplitConfig, part: str, reviews: int) -> int:
    """Return the number of reviews that `split` sets for a part: a fraction is of `reviews`, null is 0.

    Raises ConfigError for a fraction that rounds to no review.
    """
    size: float | None = getattr(split, part)
    count = round(size * reviews) if isinstance(size, float) else size or 0
    if size and not count:
        raise ConfigError([f"split.{part} must be 0 or amount to at least one of {reviews} reviews, got {size}"])
    return count
