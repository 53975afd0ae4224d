"""Names that last: the hash of a config, and the versions of code and environment.

Two runs with the same `config_hash` were asked to do the same thing. Nothing here imports more than the standard
library, so that a list of a thousand runs costs no start-up.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sentiment_lab.config.schema import ConfigError, settings_of, to_plain
from sentiment_lab.config.settings import Config
from sentiment_lab.config.validation import config_from_plain

SCHEMA = 1
"""Number of the canonical form. A field that joins later with `option(added=...)` leaves it as it is."""
SHORT = 12
"""Digits of a hash that name a folder."""


def identity_of(value: Any) -> Any:
    """Return what of a config can change the result, as plain data.

    Left out are fields marked `identity=False`, and later fields while they hold the value that keeps old behaviour.
    """
    if not dataclasses.is_dataclass(value):
        return value
    plain = {}
    for field in dataclasses.fields(value):
        item, added = getattr(value, field.name), field.metadata.get("added", dataclasses.MISSING)
        left_out = not field.metadata.get("identity", True) or (added is not dataclasses.MISSING and item == added)
        if not left_out:
            plain[field.name] = identity_of(item)
    return plain


def canonical_json(config: Config) -> str:
    """Return the one text that stands for everything in a config that can change its result."""
    return canonical_text({"schema": SCHEMA, **identity_of(config)})


def config_hash(config: Config) -> str:
    """Return the SHA-256 of the canonical config: the name of the run."""
    return sha256_hex(canonical_json(config))


def variant_hash(config: Config) -> str:
    """Return the hash that all seeds of one config share."""
    return variant_of({"schema": SCHEMA, **identity_of(config)})


def variant_of(canonical: Mapping[str, Any]) -> str:
    """Return the variant hash of a canonical config, given as plain data."""
    return sha256_hex(canonical_text({key: value for key, value in canonical.items() if key != "seed"}))


def restore(canonical: Mapping[str, Any], base: Config) -> Config:
    """Return the config that a canonical one was made of, with paths, tracking and launch settings of `base`.

    Raises ConfigError for another schema number, and where the stored settings are none that this version knows.
    """
    stored = dict(canonical)
    if stored.pop("schema", None) != SCHEMA:
        raise ConfigError([f"the stored config has another schema than {SCHEMA}; run the version that stored it"])
    plain = _without_identity(base)
    for name, value in stored.items():
        group = _without_identity(getattr(base, name, None))
        plain[name] = {**group, **value} if isinstance(value, Mapping) else value
    return config_from_plain(plain)


def _without_identity(value: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value):
        return {}
    fields = [field.name for field in dataclasses.fields(value) if not field.metadata.get("identity", True)]
    return {name: _plain(getattr(value, name)) for name in fields}


def _plain(value: Any) -> Any:
    return to_plain(value) if dataclasses.is_dataclass(value) else value


def flatten(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one level of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        flat.update(flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value})
    return flat


def with_left_out(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by dotted key, with those that the canonical form leaves out while they hold their old value."""
    found = {key: added for key, added, needed in _joined_later() if needed <= settings.keys()}
    return {**found, **settings}


@functools.cache
def _joined_later() -> list[tuple[str, Any, set[str]]]:
    """Return key, old value, and the older keys of its class for each setting that joined later and counts."""
    later = []
    for setting in settings_of(Config):
        added = setting.field.metadata.get("added", dataclasses.MISSING)
        if added is not dataclasses.MISSING and setting.field.metadata.get("identity", True):
            prefix = setting.key.removesuffix(setting.field.name)
            later.append((setting.key, added, {prefix + field.name for field in _first_fields(setting.owner)}))
    return later


def _first_fields(owner: type) -> list[dataclasses.Field[Any]]:
    missing = dataclasses.MISSING
    return [
        field
        for field in dataclasses.fields(owner)
        if field.metadata.get("added", missing) is missing and field.metadata.get("identity", True)
    ]


def machine_independent(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that mean the same on every machine: without places, stores and how runs are executed."""
    settings = {setting.key: setting for setting in settings_of(Config)}
    machines = {key for key, setting in settings.items() if not setting.field.metadata.get("identity", True)}
    machines -= {"study"}
    names = [(word, word.lstrip("+~").partition("=")[0]) for word in overrides]
    return [word for word, key in names if not {key, key.partition(".")[0]} & machines]


def canonical_text(plain: object) -> str:
    """Return plain data as JSON with sorted keys and no white space."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_hex(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
