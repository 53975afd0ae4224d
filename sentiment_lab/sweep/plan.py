"""Which jobs a sweep has, checked before the first one starts, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sentiment_lab.config import Config, architecture
from sentiment_lab.identity import config_hash, flatten, identity_of
from sentiment_lab.run import Job
from sentiment_lab.schema import ConfigError

_IN_ARCHITECTURE = ("model.family", "model.cell", "model.bidirectional")


def plan_jobs(overrides: Iterable[Sequence[str]], compose: Callable[[Sequence[str]], Config]) -> list[Job]:
    """Compose and check every job; jobs with the same hash become one.

    Raises ConfigError with the problems of all jobs, each naming its job.
    """
    asked = [list(job) for job in overrides]
    configs: list[Config] = []
    problems: list[str] = []
    for job in asked:
        try:
            configs.append(compose(job))
        except ConfigError as error:
            problems.extend(f"{problem}   (in the job: {' '.join(job)})" for problem in error.problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    distinct: dict[str, tuple[Config, list[str]]] = {}
    for config, job in zip(configs, asked, strict=True):
        distinct.setdefault(config_hash(config), (config, job))
    jobs = list(distinct.values())
    variants = name_variants([config for config, _ in jobs])
    return [Job(config, job, variant) for (config, job), variant in zip(jobs, variants, strict=True)]


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
