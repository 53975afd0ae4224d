"""Build a Config and check the rules that involve several settings."""

from __future__ import annotations

import math
from typing import Any

from sentiment_lab.config.fields import ConfigError, build
from sentiment_lab.config.part_sizes import part_sizes
from sentiment_lab.config.settings import (
    DELIMITER_NAMES,
    PARTS,
    Config,
    DataConfig,
    GeneratedData,
    LaunchConfig,
    LinearModel,
    OptimizerConfig,
    RecurrentModel,
    SplitConfig,
    TableData,
)


def config_from_plain(plain: object) -> Config:
    """Turn parsed YAML or JSON into a checked Config.

    Raises ConfigError with a line for each invalid key: its rule and its value.
    """
    config = build(Config, plain)
    problems = [
        *_table_problems(config.data),
        *(_split_problems(config.split) or _part_size_problems(config)),
        *_text_problems(config),
        *_optimizer_problems(config.optimizer),
        *_training_problems(config),
        *_launch_problems(config.launch),
    ]
    if problems:
        raise ConfigError(problems)
    return config


def _table_problems(data: DataConfig) -> list[str]:
    if not isinstance(data, TableData):
        return []
    problems = _classes_problems(data)
    columns = ("text_column", "label_column", "part_column", "group_column", "id_column")
    for name in () if data.header else columns:
        column = getattr(data, name)
        if column is not None and (not isinstance(column, int) or column < 1):
            problems.append(f"data.{name} must be a position, from 1, where data.header is false, got {column!r}")
    if data.delimiter is not None and len(data.delimiter) != 1 and data.delimiter not in DELIMITER_NAMES:
        names = ", ".join(DELIMITER_NAMES)
        problems.append(f"data.delimiter must be one character, or one of {names}, got {data.delimiter!r}")
    if data.encoding is not None and not _is_text_encoding(data.encoding):
        problems.append(f"data.encoding must be an encoding of Python, such as cp1252, got {data.encoding!r}")
    return problems


def _classes_problems(data: TableData) -> list[str]:
    if data.labels is None:
        wrong = data.unmapped == "drop"
        return ["data.unmapped must be error where data.labels is null (all labels are used), got 'drop'"] * wrong
    classes = sorted(set(data.labels.values()))
    if classes == ["negative", "positive"]:
        return []
    more = "more than two classes are not supported yet" if len(classes) > 2 else "other names are not supported yet"
    return [f"data.labels must map to both negative and positive ({more}), got {', '.join(classes)}"]


def _is_text_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, UnicodeError, ValueError):
        return False
    return True


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
            f"split.{part} must be null where split.method is official (the corpus defines it), got {sizes[part]!r}"
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


def _part_size_problems(config: Config) -> list[str]:
    """Check the part sizes of generated reviews. Those of real reviews are checked when the reviews are read."""
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
        rule = f"must be kept where model.family is {config.model.family} (its n-grams need the written order)"
        orders = {"order": config.text.order, "test_order": config.text.test_order or "kept"}
        problems += [f"text.{name} {rule}, got {order!r}" for name, order in orders.items() if order != "kept"]
    size = config.model.embedding_size if isinstance(config.model, RecurrentModel) else 2
    if config.text.embedding_init == "cooccurrence_nb" and size < 2:
        rule = "must be at least 2 where text.embedding_init is cooccurrence_nb (one dimension is the log-ratio)"
        problems.append(f"model.embedding_size {rule}, got {size}")
    return problems


def _launch_problems(launch: LaunchConfig) -> list[str]:
    if launch.executor in ("inline", "ray") and launch.minutes_per_run is not None:
        rule = f"must be null where launch.executor is {launch.executor} (only launch=pool and launch=slurm enforce it)"
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
        problems.append(
            f"training.selection must be last where {reason} (only the test part could select the epoch), got 'best'"
        )
    if config.training.patience is not None:
        problems.append(
            f"training.patience must be null where {reason} (only the test part could stop training), "
            f"got {config.training.patience!r}"
        )
    return problems
