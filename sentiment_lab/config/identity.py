"""The hash of a config, which names its run, and the canonical form that is hashed.

Two runs with the same `config_hash` have the same settings in everything that can change their result. This module
imports the standard library only, so that commands which list runs start quickly.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sentiment_lab.config.fields import ConfigError, settings_of, to_plain
from sentiment_lab.config.settings import Config
from sentiment_lab.config.validation import config_from_plain

SCHEMA = 1
"""Version of the canonical form. A new field declared with `option(added=...)` does not change it."""
SHORT = 12
"""Digits of a hash in the name of a run folder."""


def identity_of(value: Any) -> Any:
    """Return the settings that can change the result, as plain data.

    Omitted are fields marked `identity=False`, and fields with `added=` that hold this value.
    """
    if not dataclasses.is_dataclass(value):
        return value
    plain = {}
    for field in dataclasses.fields(value):
        item, added = getattr(value, field.name), field.metadata.get("added", dataclasses.MISSING)
        omitted = not field.metadata.get("identity", True) or (added is not dataclasses.MISSING and item == added)
        if not omitted:
            plain[field.name] = identity_of(item)
    return plain


def canonical_json(config: Config) -> str:
    """Return the canonical form of a config: JSON of all settings that can change the result."""
    return canonical_text({"schema": SCHEMA, **identity_of(config)})


def config_hash(config: Config) -> str:
    """Return the SHA-256 of the canonical form, in 64 hexadecimal digits."""
    return sha256_hex(canonical_json(config))


def variant_hash(config: Config) -> str:
    """Return the hash of a config without its seed, which all seeds of a variant share."""
    return variant_of({"schema": SCHEMA, **identity_of(config)})


def variant_of(canonical: Mapping[str, Any]) -> str:
    """Return the variant hash of a canonical config, given as plain data."""
    return sha256_hex(canonical_text({key: value for key, value in canonical.items() if key != "seed"}))


def restore(canonical: Mapping[str, Any], base: Config) -> Config:
    """Return the config of a canonical form, with study, paths, tracking and launch settings of `base`.

    Raises ConfigError for another schema version, and for settings that this version does not have.
    """
    stored = dict(canonical)
    schema = stored.pop("schema", None)
    if schema != SCHEMA:
        raise ConfigError(
            [f"schema of the stored config must be {SCHEMA}, got {schema}; use the version that wrote it"]
        )
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
    """Return settings by dotted key, completed by those that the canonical form omits because of `added=`."""
    omitted = {key: added for key, added, needed in _added_settings() if needed <= settings.keys()}
    return {**omitted, **settings}


@functools.cache
def _added_settings() -> list[tuple[str, Any, set[str]]]:
    """Return key, `added=` value, and the keys of its class without `added=` for each such setting of the identity."""
    added_settings = []
    for setting in settings_of(Config):
        added = setting.field.metadata.get("added", dataclasses.MISSING)
        if added is not dataclasses.MISSING and setting.field.metadata.get("identity", True):
            prefix = setting.key.removesuffix(setting.field.name)
            added_settings.append(
                (setting.key, added, {prefix + field.name for field in _original_fields(setting.owner)})
            )
    return added_settings


def _original_fields(owner: type) -> list[dataclasses.Field[Any]]:
    missing = dataclasses.MISSING
    return [
        field
        for field in dataclasses.fields(owner)
        if field.metadata.get("added", missing) is missing and field.metadata.get("identity", True)
    ]


def machine_independent(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that mean the same on every machine: without paths, tracking and launch settings."""
    settings = {setting.key: setting for setting in settings_of(Config)}
    metadata = {key: setting.field.metadata for key, setting in settings.items()}
    excluded = {key for key, data in metadata.items() if not data.get("identity", True) and not data.get("pinned")}
    excluded -= {"study"}
    keys = [(override, override.lstrip("+~").partition("=")[0]) for override in overrides]
    return [override for override, key in keys if not {key, key.partition(".")[0]} & excluded]


def pinned_settings(overrides: Iterable[str]) -> list[str]:
    """Return the overrides of settings that are not in the hash because `data.expect` pins what they do."""
    pinned = {setting.key for setting in settings_of(Config) if setting.field.metadata.get("pinned")}
    return [override for override in overrides if override.lstrip("+").partition("=")[0] in pinned]


def canonical_text(plain: object) -> str:
    """Return plain data as JSON with sorted keys and without white space."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_hex(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
