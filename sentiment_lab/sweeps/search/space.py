"""The space of a search, from the overrides of a command: Hydra's sweeps become Optuna's distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from sentiment_lab.config.fields import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def read_space(overrides: Sequence[Override]) -> tuple[list[str], dict[str, BaseDistribution]]:
    """Return the fixed overrides and, by key, the distributions of the others.

    Raises ConfigError when nothing varies, and for a seed that varies: `study.seeds` is their number.
    """
    fixed = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
    space = {
        str(override.key_or_group): _distribution(override) for override in overrides if override.is_sweep_override()
    }
    if "seed" in space:
        raise ConfigError(["seed must be one value in a search: study.seeds is the number of seeds of each trial"])
    if not space:
        example = "'model.units=choice([32],[64])' 'optimizer.learning_rate=tag(log,interval(1e-4,1e-2))'"
        raise ConfigError([f"a search needs settings that vary, such as {example}"])
    return fixed, space


def overrides_of(parameters: Mapping[str, Any]) -> list[str]:
    """Return the parameters of a trial as overrides."""
    return [f"{key}={value}" for key, value in parameters.items()]


def grid_of(space: Mapping[str, BaseDistribution]) -> dict[str, list[Any]]:
    """Return the values of each setting for a grid.

    Raises ConfigError for a setting without a list of values.
    """
    from optuna.distributions import CategoricalDistribution

    unlisted = [key for key, values in space.items() if not isinstance(values, CategoricalDistribution)]
    if unlisted:
        raise ConfigError([f"{key} must list its values, such as 1,2,3, where study.sampler=grid" for key in unlisted])
    return {key: list(getattr(values, "choices", ())) for key, values in space.items()}


def _distribution(override: Override) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high, log = value.start, value.end, "log" in value.tags
        if not (low is not None and high is not None and (low > 0 if log else True) and low < high):
            positive = " above 0" if log else ""
            problem = f"{override.key_or_group} must have an interval from a lower to a higher number{positive}"
            raise ConfigError([f"{problem}, got {override.input_line}"])
        whole = isinstance(low, int) and isinstance(high, int)
        return IntDistribution(low, high, log) if whole else FloatDistribution(float(low), float(high), log)
    if isinstance(value, RangeSweep) and not all(isinstance(end, int) for end in (value.start, value.stop)):
        raise ConfigError([f"{override.key_or_group} must be a range of whole numbers, got {override.input_line}"])
    values = list(override.sweep_string_iterator())
    if not values:
        raise ConfigError([f"{override.key_or_group} must list values to search, got {override.input_line}"])
    return CategoricalDistribution(values)
