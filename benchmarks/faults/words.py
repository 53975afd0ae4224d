"""Draw words for `sentiment-lab train` that must be refused, by reflection over the config classes."""

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
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.schema import Setting, discriminator, field_types, setting_names, settings_of, to_plain
from sentiment_lab.config.settings import Config

EVERY = tuple(settings_of(Config))
NAMES = setting_names(Config)
LEAVES = tuple(one for one in EVERY if not any(key.startswith(f"{one.key}.") for key in NAMES))
OPTIONS = {
    folder.name: sorted(file.stem for file in folder.glob("*.yaml"))
    for folder in sorted(resource_folder("conf").iterdir())
    if folder.name in NAMES
}


@dataclass(frozen=True)
class Case:
    """The words after `sentiment-lab train`, the files of the working folder, and what the message must name."""

    defect: str
    words: tuple[str, ...]
    names: str
    files: tuple[tuple[str, bytes], ...] = ()


ODD = (
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
    """Tell, without the code that is tried here, whether a value is of a type and keeps the rules."""
    inside = get_args(kind)
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in inside
    if get_origin(kind) is list:
        return isinstance(value, list) and bool(value) and all(fits(inside[0], rules, item) for item in value)
    if inside:
        return any(fits(each, rules, value) for each in inside)
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
    """Return values of all kinds, each as it is written and as it is read."""
    word, number, zeros = some_word(random), random.randint(1, 10**6), random.randint(309, 4000)
    share = round(random.uniform(0.01, 0.99), 3)
    wholes = [(str(sign * number), sign * number) for sign in (1, -1)] + [("0", 0), (f"1{'0' * zeros}", 10**zeros)]
    parts = [(f"{sign}{share}", float(f"{sign}{share}")) for sign in ("", "-", number)]
    endless = [("nan", math.nan), ("inf", math.inf), ("-inf", -math.inf), (f"{number}e{zeros}", math.inf)]
    texts = [
        (word, word),
        (f"'{number}'", str(number)),
        (f"'{share}'", str(share)),
        ('""', ""),
        (f"{number}e", f"{number}e"),
    ]
    lists = [(f"[{number}]", [number]), (f"[{word},{number}]", [word, number]), (f"[[{number}]]", [[number]])]
    holes = [("null", None), ("[]", []), ("[null]", [None]), (f"[{share}]", [share]), (f"[-{number}]", [-number])]
    groups = [(f"{{{word}:{number}}}", {word: number}), ("{}", {})]
    return [*wholes, *parts, *endless, *texts, *lists, *holes, *groups, ("true", True), ("false", False)]


def bad_value(
    random: Random, setting: Setting, wanted: Callable[[Any], bool] = lambda _: True
) -> tuple[str, Any] | None:
    """Draw a value that the setting must not have, of those wanted."""
    found = [
        (text, value)
        for text, value in _candidates(random)
        if wanted(value) and not fits(setting.kind, _rules(setting), value)
    ]
    return random.choice(found) if found else None


def some_word(random: Random) -> str:
    return "".join(random.choices(ascii_lowercase, k=random.randint(6, 9)))


def misspelt(random: Random, word: str, known: Container[str]) -> str:
    """Drop, double or swap a letter, so that no known word comes out."""
    while True:
        at = random.randrange(len(word))
        dropped, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
        swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        changed = random.choice([dropped, doubled, swapped])
        if changed not in known and changed.isidentifier():
            return changed


@cache
def choice_of(setting: Setting) -> tuple[tuple[str, str], ...]:
    """Return the group and the option that choose the variant which has the setting, where there are several."""
    group = setting.key.partition(".")[0]
    forms = get_args(next(one.kind for one in EVERY if one.key == group))
    if not forms:
        return ()
    name, classes = discriminator(forms)
    files = {option: resource_folder("conf") / group / f"{option}.yaml" for option in OPTIONS[group]}
    values = {option: yaml.safe_load(file.read_text(encoding="utf-8")).get(name) for option, file in files.items()}
    return ((group, next(option for option, value in values.items() if classes.get(value) is setting.owner)),)


def _chosen(setting: Setting) -> tuple[str, ...]:
    return tuple(f"{group}={option}" for group, option in choice_of(setting))


@cache
def _default(setting: Setting) -> str:
    """Return the value that a setting has when nobody asks, as it is written."""
    plain: Any = to_plain(compose_config(_chosen(setting)))
    for key in setting.key.split("."):
        plain = plain[key]
    return json.dumps(plain)


def _case(defect: str, setting: Setting, *words: str, names: str = "") -> Case:
    return Case(defect, (*_chosen(setting), *words), names or setting.key)


def _misspelt_key(random: Random, setting: Setting) -> Case:
    group, dot, name = setting.key.rpartition(".")
    key = group + dot + misspelt(random, name, {known.rpartition(".")[2] for known in NAMES})
    return _case("misspelt key", setting, f"{key}={_default(setting)}", names=key)


def _misspelt_group(random: Random, setting: Setting) -> Case | None:
    group, dot, name = setting.key.partition(".")
    key = f"{misspelt(random, group, NAMES)}{dot}{name}"
    return _case("misspelt group", setting, f"{key}={_default(setting)}", names=key) if dot else None


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
    return Case("option that is no name", (f"{group}={random.choice(texts)}",), group)


def _two_options(random: Random, _: Setting) -> Case:
    group = random.choice([group for group, options in OPTIONS.items() if len(options) > 1])
    return Case("two options of a group", (f"{group}=[{','.join(random.sample(OPTIONS[group], 2))}]",), group)


def _value(defect: str, wanted: Callable[[Setting, Any], bool]) -> Defect:
    def make(random: Random, setting: Setting) -> Case | None:
        found = bad_value(random, setting, lambda value: wanted(setting, value))
        return _case(defect, setting, f"{setting.key}={found[0]}") if found else None

    return make


def _is_listed(setting: Setting) -> bool:
    return get_origin(setting.kind) is list


VALUES = (
    _value("wrong type", lambda _, value: isinstance(value, (str, bool, int, float))),
    _value("outside its rule", lambda one, value: fits(one.kind, (), value)),
    _value("null", lambda _, value: value is None),
    _value("not finite", lambda _, value: isinstance(value, float) and not math.isfinite(value)),
    _value("empty list", lambda _, value: value == []),
    _value("list for a scalar", lambda one, value: isinstance(value, list) and not _is_listed(one)),
    _value("list of the wrong things", lambda one, value: isinstance(value, list) and _is_listed(one)),
    _value("group for a scalar", lambda _, value: isinstance(value, dict)),
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
    there = [f"~{key}={some_word(random)}", f"~{key}.{some_word(random)}", f"--{key}={default}"]
    there += [f"+{key}={default}"] * (default != "null")  # to Hydra, what is null is not there yet
    odd = [f"+~{key}={default}", f"!{key}={default}", f"{key}+={default}", f"+++{key}={default}", f"~~{key}", f"+{key}"]
    missing = [f"+{unknown}={default}", f"++{unknown}={default}", f"~{unknown}"]
    return _case("wrong prefix", setting, random.choice([*there, *odd, *missing]))


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
    nowhere = [f"${{{word}}}", f"${{{group}.{word}}}", f"${{oc.env:{word.upper()}}}", f"${{{word}:1}}", f"a${{{word}}}"]
    broken = [
        f"${{{setting.key}}}",
        f"${{{word}",
        "${}",
        f"${{${{{word}}}}}",
        f"[${{{word}}}]",
        f"${{oc.decode:'[{word}'}}",
    ]
    return _case("broken interpolation", setting, f"{setting.key}={random.choice([*nowhere, *broken])}")


def _deleted(_: Random, setting: Setting) -> Case | None:
    mandatory = setting.field.default is MISSING
    return _case("deleted key", setting, f"~{setting.key}") if mandatory else None


def _deleted_group(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    return Case("deleted group", (f"~{group}", f"seed={random.randint(0, 99)}"), f"{group} is missing")


def _of_another_variant(random: Random, setting: Setting) -> Case | None:
    group = setting.key.partition(".")[0]
    others = [
        one for one in LEAVES if one.key.startswith(f"{group}.") and setting.field.name not in field_types(one.owner)
    ]
    if not others:
        return None
    words = (*_chosen(random.choice(others)), f"{setting.key}={_default(setting)}")
    return Case("setting of another variant", words, setting.key)


def _contradiction(random: Random, _: Setting) -> Case:
    share, count = round(random.uniform(0.1, 0.9), 3), random.randint(10, 999)
    cases = [
        (f"optimizer=adam optimizer.momentum={share}", "optimizer.momentum"),
        (f"optimizer=lion optimizer.momentum={share}", "optimizer.momentum"),
        (f"split.validation_is_test=true split.validation={share}", "split.validation"),
        (f"split=article training=article split.test={share}", "split.test"),
        (f"split=article training=article split.train={share}", "split.train"),
        (f"split=article seed={count}", "training.selection"),
        (f"data=imdb split=official split.train={count}", "split.train"),
        (f"data=imdb split=official split.test={share}", "split.test"),
        (f"split.train={share} split.test=0.9", "split.test"),
        (f"split.validation={share} split.test={round(1.01 - share, 3)}", "split.test"),
        (f"split.test=0 seed={count}", "split.test"),
        (f"split.train=0 seed={count}", "split.train"),
        (f"split.test=null seed={count}", "split.test"),
        (f"split.validation=0 seed={count}", "training.selection"),
        (f"split.validation=0 training.selection=last training.patience={count}", "training.patience"),
        (f"split.validation=1e-5 data.reviews={count}", "split.validation"),
        (f"data.reviews={count} split.test={count + 1}", "split.test"),
        (f"data.reviews={count} split=article training=article", "split.test"),
    ]
    words, names = random.choice(cases)
    return Case("contradiction", tuple(words.split()), names)


def _bad_job(random: Random, setting: Setting) -> Case | None:
    found = bad_value(random, setting, lambda value: not isinstance(value, dict))
    if not found:
        return None
    values = random.sample([_default(setting), found[0]], 2)
    seeds = f"seed={random.randint(0, 9)},{random.randint(10, 19)}"
    more = (seeds,) if setting.key != "seed" else ()
    return _case("one bad job of a sweep", setting, "-m", f"{setting.key}={','.join(values)}", *more)


def _bad_choice_of_a_job(random: Random, _: Setting) -> Case:
    group = random.choice(list(OPTIONS))
    option = random.choice(OPTIONS[group])
    wrong = misspelt(random, option, OPTIONS[group])
    return Case("one bad job of a sweep", ("-m", f"{group}={option},{wrong}", "seed=1,2"), wrong)


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
    return _case("sweep that cannot be read", setting, "-m", f"{setting.key}={random.choice(forms)}")


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


def _odd_letters(random: Random, setting: Setting) -> Case | None:
    odd = random.choice(ODD)
    if random.random() < 0.5:
        return _case("odd letters in a key", setting, f"{setting.key}{odd}={_default(setting)}")
    if fits(setting.kind, (), odd):
        return None
    return _case("odd letters in a value", setting, f"{setting.key}={odd}")


def _flag(random: Random, _: Setting) -> Case:
    word = some_word(random)
    flags = ["--cfg", "--info", "--config-name", "--config-dir", "--config-path", "--experimental-rerun", f"--{word}"]
    return Case("wrong flag", (f"{random.choice(flags)}={word}",), word)


def _own_of_hydra(random: Random, _: Setting) -> Case:
    word, number = some_word(random), random.randint(1, 99)
    groups = [f"hydra/launcher={word}", f"hydra/sweeper={word}", f"hydra/{word}={number}", f"hydra/help={word}"]
    values = [
        f"hydra.{word}={number}",
        f"hydra.mode={word}",
        f"hydra.job.chdir={word}",
    ]
    return Case("wrong setting of Hydra's own", (random.choice([*groups, *values]),), word)


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
    _of_another_variant,
    _contradiction,
    _bad_job,
    _bad_choice_of_a_job,
    _bad_sweep,
    _huge,
    _deep,
    _huge_key,
    _odd_letters,
    _flag,
    _own_of_hydra,
)
"""What can be wrong with the words of a command line."""
