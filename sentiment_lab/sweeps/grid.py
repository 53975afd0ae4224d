"""The jobs of a grid, checked before the first one starts, and their names by what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import config_hash, flatten, identity_of
from sentiment_lab.config.settings import Config, architecture
from sentiment_lab.runs.job import Job

_IN_ARCHITECTURE = ("model.family", "model.cell", "model.bidirectional")


def plan_jobs(
    overrides: Iterable[Sequence[str]], compose: Callable[[Sequence[str]], Config]
) -> tuple[list[Job], list[int]]:
    """Compose and check every job; jobs with the same hash become one.

    Returns the distinct jobs, and for each of `overrides` the position of its job among them. Raises ConfigError with
    the problems of all jobs, each naming its job.
    """
    requested = list(map(list, overrides))
    configs = _compose_all(requested, compose)
    hashes = list(map(config_hash, configs))
    first = {name: hashes.index(name) for name in dict.fromkeys(hashes)}
    variants = name_variants([configs[index] for index in first.values()])
    jobs = [Job(configs[i], requested[i], variant) for i, variant in zip(first.values(), variants, strict=True)]
    return jobs, [list(first).index(name) for name in hashes]


def _compose_all(requested: Sequence[Sequence[str]], compose: Callable[[Sequence[str]], Config]) -> list[Config]:
    configs: list[Config] = []
    problems: list[str] = []
    for overrides in requested:
        try:
            configs.append(compose(overrides))
        except ConfigError as error:
            problems.extend(f"{problem}   (in the job: {' '.join(overrides)})" for problem in error.problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return configs


def name_variants(configs: Sequence[Config]) -> list[str]:
    """Return a name for each config from the settings that vary, without the seed: "bilstm learning_rate=0.01"."""
    settings = [flatten(identity_of(config)) for config in configs]
    kinds = [architecture(config.model) for config in configs]
    shown = [key for key in sorted(set().union(*settings)) if key != "seed" and _varies(key, settings, kinds)]
    names = []
    for kind, values in zip(kinds, settings, strict=True):
        parts = [f"{key.rpartition('.')[2]}={_short(values[key])}" for key in shown if key in values]
        names.append(" ".join([kind, *parts]))
    return names


def _varies(key: str, settings: Sequence[dict[str, Any]], kinds: Sequence[str]) -> bool:
    """Return whether a setting varies beyond what the name of the architecture implies."""
    if key in _IN_ARCHITECTURE:
        return False
    values: dict[str, set[str]] = {}
    for kind, settings_of_job in zip(kinds, settings, strict=True):
        group = kind if key.startswith("model.") else ""
        values.setdefault(group, set()).add(repr(settings_of_job.get(key)))
    return any(len(seen) > 1 for seen in values.values())


def _short(value: Any) -> str:
    return str(value).replace(" ", "")
