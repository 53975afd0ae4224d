"""Draw command lines of `sentiment-lab train` that must be refused, by reflection over the config classes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container
from dataclasses import MISSING, dataclass
from functools import cache
from random import Random
from string import ascii_lowercase
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import yaml

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import Setting, discriminator, field_types, setting_names, settings_of, to_plain
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.settings import Config

SETTINGS = tuple(settings_of(Config))
NAMES = setting_names(Config)
LEAVES = tuple(setting for setting in SETTINGS if not any(key.startswith(f"{setting.key}.") for key in NAMES))
"""The settings that are not groups of settings."""
OPTIONS = {
    folder.name: sorted(file.stem for file in folder.glob("*.yaml"))
    for folder in sorted(resource_folder("conf").iterdir())
    if folder.name in NAMES
}


@dataclass(frozen=True)
class Case:
    """A command line that must be refused."""

    defect: str
    """Kind of mistake."""
    arguments: tuple[str, ...]
    """Arguments of `sentiment-lab train`: overrides and flags."""
    expected: str
    """Text that the error message must contain."""
    files: tuple[tuple[str, bytes], ...] = ()
    """Files of the working folder: path and content."""


ODD_CHARACTERS = (
    "é",
    "字",
    "🎬",
    "²",
    "\u202e",
    "\u0301",
    "\u0663",
    "\uff11",
    "\x1b[31m",
    "\x07",
    "\r",
    "\n",
    "\t",
    "\x7f",
    "\udcff",
)

Defect = Callable[[Random, Setting], Case | None]


def fits(kind: Any, rules: tuple[Any, ...], value: object) -> bool:
    """Return whether a value has a type and keeps the rules, independently of the code under test."""
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in arguments
    if get_origin(kind) is list:
        return isinstance(value, list) and bool(value) and all(fits(arguments[0], rules, item) for item in value)
    if arguments:
        return any(fits(member, rules, value) for member in arguments)
    if kind is NoneType or value is None:
        return kind is NoneType and value is None
    return _is(kind, value) and all(rule.holds(kind(value)) for rule in rules)


def _is(kind: type, value: Any) -> bool:
    if kind in (bool, str) or isinstance(value, bool):
        return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    if isinstance(value, int):
        return kind in (int, float) and abs(value) < 2**63
    return isinstance(value, float) and (value.is_integer() if kind is int else math.isfinite(value))


def _rules(setting: Setting) -> tuple[Any, ...]:
    return tuple(setting.field.metadata.get("rules", ()))


def _candidates(random: Random) -> list[tuple[str, Any]]:
    """Return values of all kinds, each as the text of the override and as the parsed value."""
    word, number, zeros = some_word(random), random.randint(1, 10**6), random.randint(309, 4000)
    fraction = round(random.uniform(0.01, 0.99), 3)
    integers = [(str(sign * number), sign * number) for sign in (1, -1)] + [("0", 0), (f"1{'0' * zeros}", 10**zeros)]
    floats = [(f"{sign}{fraction}", float(f"{sign}{fraction}")) for sign in ("", "-", number)]
    non_finite = [("nan", math.nan), ("inf", math.inf), ("-inf", -math.inf), (f"{number}e{zeros}", math.inf)]
    texts = [
        (word, word),
        (f"'{number}'", str(number)),
        (f"'{fraction}'", str(fraction)),
        ('""', ""),
        (f"{number}e", f"{number}e"),
    ]
    lists = [(f"[{number}]", [number]), (f"[{word},{number}]", [word, number]), (f"[[{number}]]", [[number]])]
    partial = [
        ("null", None),
        ("[]", []),
        ("[null]", [None]),
        (f"[{fraction}]", [fraction]),
        (f"[-{number}]", [-number]),
    ]
    groups = [(f"{{{word}:{number}}}", {word: number}), ("{}", {})]
    return [*integers, *floats, *non_finite, *texts, *lists, *partial, *groups, ("true", True), ("false", False)]


def bad_value(
    random: Random, setting: Setting, accept: Callable[[Any], bool] = lambda _: True
) -> tuple[str, Any] | None:
    """Draw an invalid value of a setting among those that `accept` admits; None if there is none."""
    invalid = [
        (text, value)
        for text, value in _candidates(random)
        if accept(value) and not fits(setting.kind, _rules(setting), value)
    ]
    return random.choice(invalid) if invalid else None


def some_word(random: Random) -> str:
    return "".join(random.choices(ascii_lowercase, k=random.randint(6, 9)))


def misspelt(random: Random, word: str, known: Container[str]) -> str:
    """Drop, double or swap a letter; the result is not a known word."""
    while True:
        index = random.randrange(len(word))
        dropped, doubled = word[:index] + word[index + 1 :], word[:index] + word[index] + word[index:]
        swapped = word[:index] + word[index : index + 2][::-1] + word[index + 2 :]
        changed = random.choice([dropped, doubled, swapped])
        if changed not in known and changed.isidentifier():
            return changed


@cache
def choice_of(setting: Setting) -> tuple[tuple[str, str], ...]:
    """Return the group and the option of the config class that has the setting; empty if the group has one class."""
    group = setting.key.partition(".")[0]
    kinds = get_args(next(setting.kind for setting in SETTINGS if setting.key == group))
    if not kinds:
        return ()
    name, classes = discriminator(kinds)
    files = {option: resource_folder("conf") / group / f"{option}.yaml" for option in OPTIONS[group]}
    values = {option: yaml.safe_load(file.read_text(encoding="utf-8")).get(name) for option, file in files.items()}
    return ((group, next(option for option, value in values.items() if classes.get(value) is setting.owner)),)


def _choice_overrides(setting: Setting) -> tuple[str, ...]:
    return tuple(f"{group}={option}" for group, option in choice_of(setting))


@cache
def _default(setting: Setting) -> str:
    """Return the default value of a setting as the text of an override."""
    plain: Any = to_plain(compose_config(_choice_overrides(setting)))
    for key in setting.key.split("."):
        plain = plain[key]
    return json.dumps(plain)


def _case(defect: str, setting: Setting, *arguments: str, expected: str = "") -> Case:
    return Case(defect, (*_choice_overrides(setting), *arguments), expected or setting.key)


def _misspelt_key(random: Random, setting: Setting) -> Case:
    group, dot, name = setting.key.rpartition(".")
    key = group + dot + misspelt(random, name, {known.rpartition(".")[2] for known in NAMES})
    return _case("misspelt key", setting, f"{key}={_default(setting)}", expected=key)


def _misspelt_group(random: Random, setting: Setting) -> Case | None:
    group, dot, name = setting.key.partition(".")
    key = f"{misspelt(random, group, NAMES)}{dot}{name}"
    return _case("misspelt group", setting, f"{key}={_default(setting)}", expected=key) if dot else None


def _misspelt_choice(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    key = misspelt(random, group, NAMES)
    return Case("misspelt group", (f"{key}={random.choice(OPTIONS[group])}",), key)


def _misspelt_option(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    option = misspelt(random, random.choice(OPTIONS[group]), OPTIONS[group])
    return Case("misspelt option", (f"{group}={option}",), f"{group} must be one of")


def _no_option(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    texts = [text for text, value in _candidates(random) if value != {}]
    return Case("option that is not a name", (f"{group}={random.choice(texts)}",), group)


def _two_options(random: Random, _: Setting) -> Case:
    group = random.choice([group for group, options in OPTIONS.items() if len(options) > 1])
    return Case("two options of a group", (f"{group}=[{','.join(random.sample(OPTIONS[group], 2))}]",), group)


def _bad_values(defect: str, accept: Callable[[Setting, Any], bool]) -> Defect:
    def make(random: Random, setting: Setting) -> Case | None:
        invalid = bad_value(random, setting, lambda value: accept(setting, value))
        return _case(defect, setting, f"{setting.key}={invalid[0]}") if invalid else None

    return make


def _is_list(setting: Setting) -> bool:
    return get_origin(setting.kind) is list


VALUES = (
    _bad_values("wrong type", lambda _, value: isinstance(value, (str, bool, int, float))),
    _bad_values("outside its rule", lambda setting, value: fits(setting.kind, (), value)),
    _bad_values("null", lambda _, value: value is None),
    _bad_values("not finite", lambda _, value: isinstance(value, float) and not math.isfinite(value)),
    _bad_values("empty list", lambda _, value: value == []),
    _bad_values("list for a scalar", lambda setting, value: isinstance(value, list) and not _is_list(setting)),
    _bad_values("list of the wrong things", lambda setting, value: isinstance(value, list) and _is_list(setting)),
    _bad_values("group for a scalar", lambda _, value: isinstance(value, dict)),
)


def _broken_syntax(random: Random, setting: Setting) -> Case:
    key, word, number = setting.key, some_word(random), random.randint(1, 999)
    opened = [
        f"{key}=[{word},{number}",
        f"{key}={{{word}:{number}",
        f'{key}="{word}',
        f"{key}='{word}",
        f"{key}={word}(",
    ]
    closed = [f"{key}={word}]", f"{key}={word}}}", f"{key}={word})", f'{key}={word}"', f"{key}=[{number},,{number}]"]
    called = [f"{key}={word}({number})", f"{key}=int({word})", f"{key}=choice({number})x", f"{key}=range({word})"]
    keys = [key, f"{key}:{number}", f"{key} {number}", f"{key}@={number}", f".{key}={number}", f"{key}.={number}"]
    more = [f"{key}..{word}={number}", f"{key}[{number}={number}", f"{key}@{word}={number}", f"{key}/{word}={number}"]
    return _case("broken syntax", setting, random.choice([*opened, *closed, *called, *keys, *more]))


def _no_key(random: Random, _: Setting) -> Case:
    value = random.choice(_candidates(random))[0]
    return Case("no key", (random.choice([f"={value}", f" ={value}", f"+={value}", f"~={value}", f"++={value}"]),), "=")


def _sweep_without_m(random: Random, setting: Setting) -> Case:
    number = random.randint(1, 99)
    values = f"{number},{number + 1}", f"range({number},{number + 9})", f"choice({number},{number + 1})"
    return _case("sweep without -m", setting, f"{setting.key}={random.choice(values)}")


def _wrong_prefix(random: Random, setting: Setting) -> Case:
    key, default, unknown = setting.key, _default(setting), f"{setting.key}_{some_word(random)}"
    existing = [f"~{key}={some_word(random)}", f"~{key}.{some_word(random)}", f"--{key}={default}"]
    existing += [f"+{key}={default}"] * (default != "null")  # Hydra treats a null setting as missing
    unusual = [
        f"+~{key}={default}",
        f"!{key}={default}",
        f"{key}+={default}",
        f"+++{key}={default}",
        f"~~{key}",
        f"+{key}",
    ]
    missing = [f"+{unknown}={default}", f"++{unknown}={default}", f"~{unknown}"]
    return _case("wrong prefix", setting, random.choice([*existing, *unusual, *missing]))


def _wrong_group_prefix(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    option, word = random.choice(OPTIONS[group]), some_word(random)
    forms = [
        f"++{group}={option}",
        f"+{group}={option}",
        f"~{group}={word}",
        f"{group}@{word}={option}",
        f"~{group}@{word}",
    ]
    return Case("wrong prefix of a group", (random.choice(forms),), group)


def _broken_interpolation(random: Random, setting: Setting) -> Case:
    group, word = setting.key.partition(".")[0], some_word(random)
    undefined = [
        f"${{{word}}}",
        f"${{{group}.{word}}}",
        f"${{oc.env:{word.upper()}}}",
        f"${{{word}:1}}",
        f"a${{{word}}}",
    ]
    broken = [
        f"${{{setting.key}}}",
        f"${{{word}",
        "${}",
        f"${{${{{word}}}}}",
        f"[${{{word}}}]",
        f"${{oc.decode:'[{word}'}}",
    ]
    return _case("broken interpolation", setting, f"{setting.key}={random.choice([*undefined, *broken])}")


def _deleted(_: Random, setting: Setting) -> Case | None:
    mandatory = setting.field.default is MISSING
    return _case("deleted key", setting, f"~{setting.key}") if mandatory else None


def _deleted_group(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    return Case("deleted group", (f"~{group}", f"seed={random.randint(0, 99)}"), f"{group} is missing")


def _of_another_class(random: Random, setting: Setting) -> Case | None:
    group = setting.key.partition(".")[0]
    others = [
        other
        for other in LEAVES
        if other.key.startswith(f"{group}.") and setting.field.name not in field_types(other.owner)
    ]
    if not others:
        return None
    overrides = (*_choice_overrides(random.choice(others)), f"{setting.key}={_default(setting)}")
    return Case("setting of another class", overrides, setting.key)


def _contradiction(random: Random, _: Setting) -> Case:
    fraction, count = round(random.uniform(0.1, 0.9), 3), random.randint(10, 999)
    cases = [
        (f"optimizer=adam optimizer.momentum={fraction}", "optimizer.momentum"),
        (f"optimizer=lion optimizer.momentum={fraction}", "optimizer.momentum"),
        (f"split.validation_is_test=true split.validation={fraction}", "split.validation"),
        (f"split=article training=article split.test={fraction}", "split.test"),
        (f"split=article training=article split.train={fraction}", "split.train"),
        (f"split=article seed={count}", "training.selection"),
        (f"data=imdb split=official split.train={count}", "split.train"),
        (f"data=imdb split=official split.test={fraction}", "split.test"),
        (f"split.train={fraction} split.test=0.9", "split.test"),
        (f"split.validation={fraction} split.test={round(1.01 - fraction, 3)}", "split.test"),
        (f"split.test=0 seed={count}", "split.test"),
        (f"split.train=0 seed={count}", "split.train"),
        (f"split.test=null seed={count}", "split.test"),
        (f"split.validation=0 seed={count}", "training.selection"),
        (f"split.validation=0 training.selection=last training.patience={count}", "training.patience"),
        (f"split.validation=1e-5 data.reviews={count}", "split.validation"),
        (f"data.reviews={count} split.test={count + 1}", "split.test"),
        (f"data.reviews={count} split=article training=article", "split.test"),
    ]
    overrides, expected = random.choice(cases)
    return Case("contradiction", tuple(overrides.split()), expected)


def _bad_job(random: Random, setting: Setting) -> Case | None:
    invalid = bad_value(random, setting, lambda value: not isinstance(value, dict))
    if not invalid:
        return None
    values = random.sample([_default(setting), invalid[0]], 2)
    seeds = f"seed={random.randint(0, 9)},{random.randint(10, 19)}"
    more = (seeds,) if setting.key != "seed" else ()
    return _case("one bad job of a sweep", setting, "-m", f"{setting.key}={','.join(values)}", *more)


def _bad_choice_of_a_job(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    option = random.choice(OPTIONS[group])
    unknown = misspelt(random, option, OPTIONS[group])
    return Case("one bad job of a sweep", ("-m", f"{group}={option},{unknown}", "seed=1,2"), unknown)


def _bad_sweep(random: Random, setting: Setting) -> Case:
    number, word = random.randint(2, 99), some_word(random)
    forms = [
        f"range({number})x",
        f"range({word})",
        f"choice({number}",
        f"range({number},1)",
        f"sort({word}",
        f"{number},,{word}",
    ]
    return _case("sweep that cannot be parsed", setting, "-m", f"{setting.key}={random.choice(forms)}")


def _huge(random: Random, setting: Setting) -> Case | None:
    many, word = random.randint(2_000, 100_000), some_word(random)
    forms = [
        word * (many // 10),
        f"'{f'{word} ' * (many // 10)}'",
        f"[{','.join(['null'] * (many // 50))}]",
        "1" * many,
    ]
    if fits(setting.kind, (), word):
        return None
    return _case("huge value", setting, f"{setting.key}={random.choice(forms)}")


def _deep(random: Random, setting: Setting) -> Case:
    depth = random.randint(50, 2_000)
    forms = [f"{'[' * depth}1{']' * depth}", f"{'{a:' * depth}1{'}' * depth}", "[" * depth, "${" * depth]
    return _case("deeply nested value", setting, f"{setting.key}={random.choice(forms)}")


def _huge_key(random: Random, setting: Setting) -> Case:
    key = random.choice([some_word(random), f"{some_word(random)}."]) * random.randint(100, 5_000) + "a"
    return Case("huge key", (f"{key}={_default(setting)}",), key[:20])


def _odd_characters(random: Random, setting: Setting) -> Case | None:
    character = random.choice(ODD_CHARACTERS)
    if random.random() < 0.5:
        return _case("odd characters in a key", setting, f"{setting.key}{character}={_default(setting)}")
    if fits(setting.kind, (), character):
        return None
    return _case("odd characters in a value", setting, f"{setting.key}={character}")


def _flag(random: Random, _: Setting) -> Case:
    word = some_word(random)
    flags = ["--cfg", "--info", "--config-name", "--config-dir", "--config-path", "--experimental-rerun", f"--{word}"]
    return Case("wrong flag", (f"{random.choice(flags)}={word}",), word)


def _hydra_setting(random: Random, _: Setting) -> Case:
    word, number = some_word(random), random.randint(1, 99)
    groups = [f"hydra/launcher={word}", f"hydra/sweeper={word}", f"hydra/{word}={number}", f"hydra/help={word}"]
    values = [
        f"hydra.{word}={number}",
        f"hydra.mode={word}",
        f"hydra.job.chdir={word}",
    ]
    return Case("wrong setting of Hydra", (random.choice([*groups, *values]),), word)


DEFECTS: tuple[Defect, ...] = (
    _misspelt_key,
    _misspelt_group,
    _misspelt_choice,
    _misspelt_option,
    _no_option,
    _two_options,
    *VALUES,
    _broken_syntax,
    _no_key,
    _sweep_without_m,
    _wrong_prefix,
    _wrong_group_prefix,
    _broken_interpolation,
    _deleted,
    _deleted_group,
    _of_another_class,
    _contradiction,
    _bad_job,
    _bad_choice_of_a_job,
    _bad_sweep,
    _huge,
    _deep,
    _huge_key,
    _odd_characters,
    _flag,
    _hydra_setting,
)
"""Kinds of mistakes in the arguments of a command line."""
