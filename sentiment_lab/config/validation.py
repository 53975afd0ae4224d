"""The rules that span several settings, and how many reviews each part of a split has."""

from __future__ import annotations

import math
from typing import Any

from sentiment_lab.config.schema import ConfigError, build
from sentiment_lab.config.settings import (
    PARTS,
    Config,
    GeneratedData,
    LaunchConfig,
    LinearModel,
    OptimizerConfig,
    RecurrentModel,
    SplitConfig,
)


def config_from_plain(plain: object) -> Config:
    """Turn parsed YAML or JSON into a checked Config.

    Raises ConfigError naming each offending key, its rule and the value found.
    """
    config = build(Config, plain)
    sizes = _split_problems(config.split) or _size_problems(config)
    problems = [*sizes, *_text_problems(config), *_optimizer_problems(config.optimizer), *_training_problems(config)]
    problems += _launch_problems(config.launch)
    if problems:
        raise ConfigError(problems)
    return config


def part_sizes(split: SplitConfig, reviews: int) -> tuple[int, int, int]:
    """Return how many of so many reviews train, validation and test have, for the article's split and the shuffled one.

    Raises ConfigError where the sizes do not add up to the reviews there are.
    """
    validation, test = part_size(split, "validation", reviews), part_size(split, "test", reviews)
    rest = reviews - validation - test
    if rest < 1:
        sizes = f"{validation} + {test}"
        raise ConfigError([f"split.validation + split.test must be below the {reviews} reviews there are, got {sizes}"])
    asked = rest if split.train is None else part_size(split, "train", reviews)
    # Each fraction is rounded to a whole count, so that the three together may miss the total by one.
    slack = 1 if any(isinstance(size, float) for size in (split.train, split.validation, split.test)) else 0
    if abs(asked - rest) > slack:
        null = " or null, which takes the rest," if split.method == "shuffled" else ""
        miss = f"leaves {rest - asked} in no part" if asked < rest else f"is {asked - rest} more than there are"
        problem = (
            f"split.train must be {rest}{null} where split.validation and split.test take {validation} and {test} "
            f"of {reviews} reviews, got {split.train}, which {miss}"
        )
        raise ConfigError([problem])
    return rest, validation, test


def part_size(split: SplitConfig, part: str, reviews: int) -> int:
    """Return how many reviews a part asks for: a fraction is of so many reviews, null is none of them.

    Raises ConfigError for a fraction of which no review comes.
    """
    size: float | None = getattr(split, part)
    count = round(size * reviews) if isinstance(size, float) else size or 0
    if size and not count:
        raise ConfigError([f"split.{part} must be 0 or make at least one of {reviews} reviews, got {size}"])
    return count


def _split_problems(split: SplitConfig) -> list[str]:
    sizes: dict[str, Any] = {part: getattr(split, part) for part in PARTS}
    if split.validation_is_test and split.validation:
        return [f"split.validation must be 0 where split.validation_is_test is true, got {split.validation!r}"]
    if split.method == "article":
        return [
            f"split.{part} must be a count of rows where split.method is article, got {sizes[part]!r}"
            for part in ("train", "test")
            if not isinstance(sizes[part], int) or sizes[part] == 0
        ]
    if split.method == "official":
        return [
            f"split.{part} must be null where split.method is official (the corpus says which), got {sizes[part]!r}"
            for part in ("train", "test")
            if sizes[part] is not None
        ]
    known = {part: size for part, size in sizes.items() if isinstance(size, float)}
    total = math.fsum(known.values())
    if total > 1:
        return [f"split.train + split.validation + split.test must not exceed 1, got {total:g}"]
    if total == 1 and "train" not in known:
        return ["split.validation + split.test must leave reviews to train, got 1"]
    empty = [part for part, size in sizes.items() if size == 0 and part != "validation"]
    empty += ["test"] if split.test is None else []
    return [f"split.{part} must be above 0, got {sizes[part]!r}" for part in empty]


def _size_problems(config: Config) -> list[str]:
    """Tell what is wrong with sizes that are counted here; those of real reviews are, when these are read."""
    if not isinstance(config.data, GeneratedData) or config.split.method == "official":
        return []
    try:
        part_sizes(config.split, config.data.reviews)
    except ConfigError as error:
        return list(error.problems)
    return []


def _text_problems(config: Config) -> list[str]:
    problems = []
    if isinstance(config.model, LinearModel):
        rule = f"must be kept where model.family is {config.model.family} (it counts words as they are written)"
        orders = {"order": config.text.order, "test_order": config.text.test_order or "kept"}
        problems += [f"text.{name} {rule}, got {order!r}" for name, order in orders.items() if order != "kept"]
    size = config.model.embedding_size if isinstance(config.model, RecurrentModel) else 2
    if config.text.embedding_init == "cooccurrence_nb" and size < 2:
        rule = "must be at least 2 where text.embedding_init is cooccurrence_nb (one dimension is the log-ratio)"
        problems.append(f"model.embedding_size {rule}, got {size}")
    return problems


def _launch_problems(launch: LaunchConfig) -> list[str]:
    if launch.executor in ("inline", "ray") and launch.minutes_per_run is not None:
        rule = f"must be null where launch.executor is {launch.executor} (nobody would end it; launch=pool does)"
        return [f"launch.minutes_per_run {rule}, got {launch.minutes_per_run:g}"]
    return []


def _optimizer_problems(optimizer: OptimizerConfig) -> list[str]:
    if optimizer.momentum and optimizer.name not in ("sgd", "rmsprop"):
        rule = f"must be 0 for {optimizer.name} (only sgd and rmsprop have it)"
        return [f"optimizer.momentum {rule}, got {optimizer.momentum!r}"]
    return []


def _training_problems(config: Config) -> list[str]:
    if isinstance(config.model, LinearModel) or (config.split.validation and not config.split.validation_is_test):
        return []
    reason = "split.validation_is_test is true" if config.split.validation_is_test else "split.validation is 0"
    problems = []
    if config.training.selection == "best":
        problems.append(f"training.selection must be last where {reason} (nothing but test could choose), got 'best'")
    if config.training.patience is not None:
        problems.append(
            f"training.patience must be null where {reason} (nothing but test could stop it), "
            f"got {config.training.patience!r}"
        )
    return problems
