"""Which jobs a sweep has, checked before the first one starts, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sentiment_lab.config.identity import config_hash, flatten, identity_of
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.config.settings import Config, architecture
from sentiment_lab.runs.job import Job

_IN_ARCHITECTURE = ("model.family", "model.cell", "model.bidirectional")


def plan_jobs(
    overrides: Iterable[Sequence[str]], compose: Callable[[Sequence[str]], Config]
) -> tuple[list[Job], list[int]]:
    """Compose and check every job; jobs with the same hash become one.

    Returns the jobs that differ, and for each one asked for its position among them. Raises ConfigError with the
    problems of all jobs, each naming its job.
    """
    asked = [list(words) for words in overrides]
    configs = _compose_all(asked, compose)
    hashes = [config_hash(config) for config in configs]
    first = {name: hashes.index(name) for name in dict.fromkeys(hashes)}
    variants = name_variants([configs[index] for index in first.values()])
    jobs = [Job(configs[i], asked[i], variant) for i, variant in zip(first.values(), variants, strict=True)]
    return jobs, [list(first).index(name) for name in hashes]


def _compose_all(asked: Sequence[Sequence[str]], compose: Callable[[Sequence[str]], Config]) -> list[Config]:
    configs: list[Config] = []
    problems: list[str] = []
    for words in asked:
        try:
            configs.append(compose(words))
        except ConfigError as error:
            problems.extend(f"{problem}   (in the job: {' '.join(words)})" for problem in error.problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return configs


def name_variants(configs: Sequence[Config]) -> list[str]:
    """Return a name for each config that says what but the seed sets it apart: "bilstm learning_rate=0.01"."""
    settings = [flatten(identity_of(config)) for config in configs]
    kinds = [architecture(config.model) for config in configs]
    shown = [key for key in sorted(set().union(*settings)) if key != "seed" and _tells_apart(key, settings, kinds)]
    names = []
    for kind, values in zip(kinds, settings, strict=True):
        words = [f"{key.rpartition('.')[2]}={_short(values[key])}" for key in shown if key in values]
        names.append(" ".join([kind, *words]))
    return names


def _tells_apart(key: str, settings: Sequence[dict[str, Any]], kinds: Sequence[str]) -> bool:
    """Tell whether a setting varies beyond what the name of the architecture already says."""
    if key in _IN_ARCHITECTURE:
        return False
    values: dict[str, set[str]] = {}
    for kind, settings_of_job in zip(kinds, settings, strict=True):
        group = kind if key.startswith("model.") else ""
        values.setdefault(group, set()).add(repr(settings_of_job.get(key)))
    return any(len(seen) > 1 for seen in values.values())


def _short(value: Any) -> str:
    return str(value).replace(" ", "")
