"""The jobs of a grid, checked before the first one starts, and their names by what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sentiment_lab.config.data_names import PUBLISHED, DataFile, content_hash, name_files
from sentiment_lab.config.fields import ConfigError, to_plain
from sentiment_lab.config.identity import config_hash, flatten, identity_of
from sentiment_lab.config.settings import Config, GeneratedData, architecture
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.preparation import Preparation

_IN_ARCHITECTURE = ("model.family", "model.cell", "model.bidirectional")


def plan_jobs(
    overrides: Iterable[Sequence[str]], compose: Callable[[Sequence[str]], Config]
) -> tuple[list[Job], list[int]]:
    """Compose, check and prepare every job; jobs with the same hash become one.

    Returns the distinct jobs, and for each of `overrides` the position of its job among them. Raises ConfigError with
    the problems of all jobs, each naming its job, and for jobs that differ but are one run; DataError and
    StoreAddressError as `Preparation` does.
    """
    requested = list(map(list, overrides))
    configs = list(map(Preparation(), _compose_all(requested, compose)))
    hashes = list(map(config_hash, configs))
    _check_distinct(configs, hashes)
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


def _check_distinct(configs: Sequence[Config], hashes: Sequence[str]) -> None:
    """Raise ConfigError naming each setting outside of the identity in which jobs of the same run differ."""
    values: dict[tuple[str, str], set[str]] = {}
    for config, name in zip(configs, hashes, strict=True) if len(set(hashes)) < len(hashes) else ():
        for key, value in flatten(to_plain(config)).items():
            values.setdefault((name, key), set()).add(json.dumps(value))
    swept = {key: ", ".join(sorted(texts)) for (_, key), texts in values.items() if len(texts) > 1}
    if swept:
        raise ConfigError(f"{key} {_rule(key)}, got {texts}" for key, texts in swept.items())


def _rule(key: str) -> str:
    if key == "data.path":
        return "must list files with different reviews (these hold the same, so their jobs are the same runs)"
    return "must have one value in a sweep (it is not part of a run's hash, so its jobs are the same runs)"


def name_variants(configs: Sequence[Config]) -> list[str]:
    """Return a name for each config from the settings that vary, without the seed: "bilstm learning_rate=0.01"."""
    settings = _named_settings(configs)
    kinds = [architecture(config.model) for config in configs]
    shown = [key for key in sorted(set().union(*settings)) if key != "seed" and _varies(key, settings, kinds)]
    names = []
    for kind, values in zip(kinds, settings, strict=True):
        parts = [f"{key.rpartition('.')[2]}={_short(values[key])}" for key in shown if key in values]
        names.append(" ".join([kind, *parts]))
    return names


def _named_settings(configs: Sequence[Config]) -> list[dict[str, Any]]:
    """Return the settings of the identity; among files of the user's own, `data` instead of `data.expect`."""
    settings = [flatten(identity_of(config)) for config in configs]
    files = name_files({file for config in configs if (file := DataFile.of(config))})
    for config, values in zip(configs, settings, strict=True):
        if files and not isinstance(config.data, GeneratedData):
            content = content_hash(values.pop("data.expect"), values.pop("data.expect_parts", None))
            values["data"] = files.get(content, PUBLISHED)
    return settings


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
