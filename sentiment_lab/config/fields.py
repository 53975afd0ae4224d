"""Build dataclasses from parsed YAML or JSON, checking every key, type and rule; errors name the dotted key.

The config classes of `settings.py` are declared with the rules of this module. Input is treated as data: nothing is
imported or called by a name in it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard, TypeVar

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean

T = TypeVar("T")
LONGEST = 800
"""Most characters of a problem that are shown; a key or a value may have a hundred thousand."""


class ConfigError(LabError):
    """An invalid config; the text has one line for each problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(map(_one_line, problems))
        super().__init__("\n".join(self.problems))


def _one_line(problem: str) -> str:
    """Escape line breaks and control characters of a problem, and cut the middle of a long one."""
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in problem)
    return text if len(text) <= LONGEST else f"{text[: LONGEST * 3 // 4]} [...] {text[-LONGEST // 4 :]}"


@dataclass(frozen=True)
class Rule:
    """A condition on one value."""

    words: str
    """The condition in the message "KEY must be WORDS, got VALUE", such as "in [0, 1)"."""
    holds: Callable[[Any], bool]


def at_least(low: float) -> Rule:
    """Build the rule `value >= low`."""
    return Rule(f"at least {low}", lambda value: value >= low)


def above(low: float) -> Rule:
    """Build the rule `value > low`."""
    return Rule(f"above {low}", lambda value: value > low)


def fraction(*, below_one: bool = True) -> Rule:
    """Build the rule of a fraction: in [0, 1), or in [0, 1] if `below_one` is false."""
    if below_one:
        return Rule("in [0, 1)", lambda value: 0 <= value < 1)
    return Rule("in [0, 1]", lambda value: 0 <= value <= 1)


_NO_DEFAULT: Any = dataclasses.MISSING


def option(*rules: Rule, identity: bool = True, pinned: bool = False, added: Any = _NO_DEFAULT) -> Any:
    """Declare a config field with its rules.

    Values are in `conf/`, so fields have no defaults, with one exception that keeps stored hashes valid: a new field
    sets `added=` to the value that keeps the earlier behaviour. Configs stored without the field get this value, and
    the canonical form omits the field while it has this value.

    `identity=False` marks a field that cannot change a result, such as a path; the config hash does not include it.
    `pinned=True` marks a field whose effect on the result `data.expect` pins, such as the name of a column: the hash
    does not include it either, but commands for other machines do.
    """
    metadata = {"rules": rules, "identity": identity and not pinned, "pinned": pinned, "added": added}
    return dataclasses.field(default=added, metadata=metadata)


@functools.cache
def field_types(cls: type) -> dict[str, Any]:
    """Return the resolved type of each field of a dataclass by name, in the order of declaration."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


@dataclass(frozen=True)
class Setting:
    """A field of the whole config or of one of its groups."""

    key: str
    """Dotted, as on the command line."""
    field: dataclasses.Field[Any]
    kind: Any
    """Its resolved type; for a group, a dataclass or a union of dataclasses."""
    owner: type
    """The class that declares it. Of a group with variants, such as `model`, not all have the same fields."""


def settings_of(cls: type, prefix: str = "") -> Iterator[Setting]:
    """Yield the fields of a config class, of its groups, and of all variants of a group."""
    kinds = field_types(cls)
    for field in dataclasses.fields(cls):
        kind = kinds[field.name]
        yield Setting(prefix + field.name, field, kind, cls)
        for inner in (kind, *typing.get_args(kind)):
            if dataclasses.is_dataclass(inner):
                yield from settings_of(typing.cast("type", inner), f"{prefix}{field.name}.")


@functools.cache
def setting_names(cls: type) -> frozenset[str]:
    """Return the dotted keys of a config class: groups and settings, including those of all variants of a group."""
    return frozenset(setting.key for setting in settings_of(cls))


def build(cls: type[T], plain: object, where: str = "") -> T:
    """Turn plain data into the dataclass `cls`, checking every key, type and rule.

    `where` is the dotted key of the data. Raises ConfigError with all problems, one line each.
    """
    problems: list[str] = []
    built = _dataclass(cls, plain, where, problems)
    if problems:
        raise ConfigError(problems)
    return typing.cast("T", built)


def to_plain(value: Any) -> Any:
    """Turn a config into dicts, lists and scalars, from which `build` makes an equal config."""
    return dataclasses.asdict(value)


def _dataclass(cls: type, plain: object, where: str, problems: list[str]) -> object:
    if not isinstance(plain, Mapping):
        problems.append(f"{where or 'the config'} must be a group of settings, got {plain!r}")
        return None
    kinds = field_types(cls)
    prefix = f"{where}." if where else ""
    problems.extend(
        f"{prefix}{key or repr(key)} is not a setting{did_you_mean(str(key), kinds)}"
        for key in plain
        if key not in kinds
    )
    values = {}
    for field in dataclasses.fields(cls):
        if field.name in plain:
            values[field.name] = _field(field, kinds[field.name], plain[field.name], prefix + field.name, problems)
        elif field.default is dataclasses.MISSING:
            problems.append(f"{prefix}{field.name} is missing")
    complete = len(values) == len([f for f in kinds if f in plain]) and not problems
    return cls(**values) if complete else None


def _field(field: dataclasses.Field[Any], kind: Any, plain: object, where: str, problems: list[str]) -> object:
    before = len(problems)
    value = _value(kind, plain, where, problems)
    if len(problems) > before or value is None:
        return value
    for rule in field.metadata.get("rules", ()):
        items = value if isinstance(value, list) else [value]
        problems.extend(f"{where} must be {rule.words}, got {plain!r}" for item in items if not rule.holds(item))
    return value


def _value(kind: Any, plain: object, where: str, problems: list[str]) -> object:
    origin, inside = _shape(kind)
    if origin is None and kind in _NAMES:
        return _scalar(kind, plain, where, problems)
    if dataclasses.is_dataclass(kind):
        return _dataclass(typing.cast("type", kind), plain, where, problems)
    if origin is Literal:
        return _choice(inside, plain, where, problems)
    if origin is list:
        return _list(inside[0], plain, where, problems)
    if origin is dict:
        return _mapping(inside[1], plain, where, problems)
    return _union(inside, plain, where, problems)


@functools.cache  # `compare` and `runs` build thousands of stored results
def _shape(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return typing.get_origin(kind), typing.get_args(kind)


def _choice(choices: tuple[str, ...], plain: object, where: str, problems: list[str]) -> object:
    if plain in choices and isinstance(plain, str):
        return plain
    shown = ", ".join(choices)
    guess = did_you_mean(str(plain), choices)
    problems.append(f"{where} must be one of {shown}, got {plain!r}{guess}")
    return None


def _list(kind: Any, plain: object, where: str, problems: list[str]) -> object:
    if not isinstance(plain, (list, tuple)) or not plain:
        problems.append(f"{where} must be a list with at least one entry, such as [64], got {plain!r}")
        return None
    return [_value(kind, item, f"{where}[{index}]", problems) for index, item in enumerate(plain)]


def _mapping(kind: Any, plain: object, where: str, problems: list[str]) -> object:
    if not isinstance(plain, Mapping) or not plain:
        problems.append(f"{where} must be a mapping with at least one entry, such as {{1: negative}}, got {plain!r}")
        return None
    return {_key(key): _value(kind, item, f"{where}.{_key(key)}", problems) for key, item in plain.items()}


def _key(key: object) -> str:
    """Return a key of a mapping as text: YAML reads 1 as a number and true as a boolean."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def _union(kinds: tuple[Any, ...], plain: object, where: str, problems: list[str]) -> object:
    if plain is None and types.NoneType in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not types.NoneType)
    if all(dataclasses.is_dataclass(kind) for kind in kinds):
        return _variant(kinds, plain, where, problems)
    if set(kinds) == {int, float}:
        return _scalar(int if _is_whole(plain) else float, plain, where, problems)
    if set(kinds) == {int, str}:
        return _scalar(int if _is_whole(plain) else str, plain, where, problems)
    return _value(kinds[0], plain, where, problems)


def discriminator(kinds: Iterable[type]) -> tuple[str, dict[str, type]]:
    """Return the name of the first field, whose value selects the dataclass of a union, and the class of each value."""
    classes: dict[str, type] = {}
    name = ""
    for kind in kinds:
        name, choices = next(iter(field_types(kind).items()))
        classes.update(dict.fromkeys(typing.get_args(choices), kind))
    return name, classes


def _variant(kinds: tuple[Any, ...], plain: object, where: str, problems: list[str]) -> object:
    name, classes = discriminator(kinds)
    chosen = plain.get(name) if isinstance(plain, Mapping) else None
    if not isinstance(chosen, str) or chosen not in classes:
        _choice(tuple(classes), chosen, f"{where}.{name}", problems)
        return None
    return _dataclass(classes[chosen], plain, where, problems)


_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _scalar(kind: type, plain: object, where: str, problems: list[str]) -> object:
    if kind is float and _is_number(plain):
        return float(plain) + 0.0  # makes 0.0 of -0.0: equal values must have equal hashes
    if kind is int and _is_whole(plain):
        return int(plain)
    if kind in (bool, str) and isinstance(plain, kind):
        return plain
    too_large = kind in (int, float) and isinstance(plain, int) and not isinstance(plain, bool)
    problems.append(f"{where} must be {'within ±2^63' if too_large else _NAMES[kind]}, got {plain!r}")
    return None


def _is_whole(plain: object) -> TypeGuard[int | float]:
    return _is_number(plain) and abs(plain) < 2**63 and plain == int(plain)


def _is_number(plain: object) -> TypeGuard[int | float]:
    """Whether a value is a number within ±2^63, if whole, or else a finite one."""
    if isinstance(plain, int):
        return not isinstance(plain, bool) and abs(plain) < 2**63
    return isinstance(plain, float) and math.isfinite(plain)
