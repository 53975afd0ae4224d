"""Draw invalid study files for `./experiments/`: not YAML, not a mapping of settings, or wrong settings."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml

from benchmarks.faults.invalid_overrides import NAMES, OPTIONS, Case, Defect, bad_value, choice_of, misspelt, some_word
from sentiment_lab.config.fields import Setting


def _case(defect: str, random: Random, content: bytes | str, expected: str = "") -> Case:
    name = some_word(random)
    file = (f"experiments/{name}.yaml", content.encode() if isinstance(content, str) else content)
    return Case(defect, (f"+experiments={name}",), expected or name, (file,))


def _nested(key: str, value: Any) -> Any:
    head, _, rest = key.partition(".")
    return {head: _nested(rest, value)} if head else value


def _valid_study(random: Random) -> str:
    return yaml.safe_dump(
        {"seed": random.randint(0, 99), "study": {"name": some_word(random), "question": f"{some_word(random)}?"}}
    )


def _not_yaml(random: Random, _: Setting) -> Case:
    text, key, number = _valid_study(random), some_word(random), random.randint(1, 99)
    opened = [f"{key}: [{number}, 2\n", f"{key}: {{a: 1\n", f'{key}: "open\n', f"{key}: 'open\n", f"{key}: &\n"]
    marks = [f"{key}: *{key}\n", f"{key}: !{key} 3\n", f"{key}: @{key}\n", f"{key}: `{key}`\n", f"{key}: %{key}\n"]
    lines = [
        f"- {number}\n",
        f"{key} {number}\n",
        f" {key}: {number}\n",
        f"{key}: a: {number}\n",
        f"\t{key}: {number}\n",
    ]
    rest = ["---\nseed: 3\n", "seed: 3\n", f"{key}: \0\n", f"{key}: \x1b\n", f"{key}: !!python/object:os.{key} {{}}\n"]
    return _case("study that is not YAML", random, text + random.choice([*opened, *marks, *lines, *rest]))


def _tabs(random: Random, _: Setting) -> Case:
    return _case("study with tabs", random, _valid_study(random).replace("  ", "\t"))


def _binary(random: Random, _: Setting) -> Case:
    text = _valid_study(random)
    forms = [
        b"\xff" + random.randbytes(random.randint(1, 4_000)),
        text.encode("utf-32"),
        f"# \xe9\n{text}".encode("latin-1"),
    ]
    return _case("binary study", random, random.choice([*forms, b"\x80" * random.randint(1, 99)]))


def _not_a_mapping(random: Random, _: Setting) -> Case:
    number, key = random.randint(1, 99), some_word(random)
    root = random.choice([[number], [{key: number}], [_valid_study(random)], number, key, True, 0.5, [], [[]]])
    return _case("study that is not a mapping", random, yaml.safe_dump(root))


def _wrong_key(random: Random, setting: Setting) -> Case:
    group, dot, name = setting.key.rpartition(".")
    key = group + dot + misspelt(random, name, {known.rpartition(".")[2] for known in NAMES})
    return _case("study with a misspelt key", random, yaml.safe_dump(_nested(key, random.randint(1, 99))), key)


def _wrong_value(random: Random, setting: Setting) -> Case | None:
    invalid = bad_value(random, setting)
    if not invalid:
        return None
    defaults = [{f"override /{group}": option} for group, option in choice_of(setting)]
    text = yaml.safe_dump({"defaults": defaults, **_nested(setting.key, invalid[1])})
    return _case("study with a bad value", random, text, setting.key)


def _scalar_for_group(random: Random, _: Setting) -> Case:
    group = random.choice(sorted({key.partition(".")[0] for key in NAMES if "." in key}))
    value = random.choice([random.randint(1, 99), some_word(random), [random.randint(1, 99)], True, 0.5])
    return _case("study with a scalar for a group", random, yaml.safe_dump({group: value}), group)


def _odd_key(random: Random, _: Setting) -> Case:
    key = random.choice(
        [
            random.randint(1, 99),
            round(random.uniform(1, 9), 2),
            True,
            f"{some_word(random)} {some_word(random)}",
            f"é{some_word(random)}",
        ]
    )
    return _case("study with an odd key", random, yaml.safe_dump({key: 1}, allow_unicode=True), str(key))


def _wrong_defaults(random: Random, _: Setting) -> Case:
    group, key = random.choice(list(OPTIONS)), some_word(random)
    option = random.choice(OPTIONS[group])
    lists = [
        ([{f"override /{group}": misspelt(random, option, OPTIONS[group])}], group),
        ([{f"override /{key}": option}], key),
        ([{f"/{group}": option}], group),
        ([{f"/{key}": option}], key),
        ([key], key),
        ([{f"override /{group}": None}], group),
        ([{group: option, key: option}], ""),
        ([random.randint(1, 99)], ""),
        ({group: option}, ""),
        (key, ""),
        (random.randint(1, 99), ""),
    ]
    defaults, expected = random.choice(lists)
    return _case("study with wrong defaults", random, yaml.safe_dump({"defaults": defaults}), expected)


def _includes_itself(random: Random, _: Setting) -> Case:
    name = some_word(random)
    text = yaml.safe_dump({"defaults": [{"/experiments": name}]})
    return Case(
        "study that includes itself", (f"+experiments={name}",), name, ((f"experiments/{name}.yaml", text.encode()),)
    )


def _bad_sweep(random: Random, setting: Setting) -> Case | None:
    invalid = bad_value(random, setting, lambda value: not isinstance(value, dict))
    if not invalid:
        return None
    defaults = [{f"override /{group}": option} for group, option in choice_of(setting)]
    hydra = {"mode": "MULTIRUN", "sweeper": {"params": {setting.key: f"{invalid[0]},{invalid[0]}"}}}
    return _case(
        "study whose sweep has a bad job", random, yaml.safe_dump({"defaults": defaults, "hydra": hydra}), setting.key
    )


def _grows(random: Random, setting: Setting) -> Case:
    """Build aliases of aliases, or unlimited nesting: small files that grow large when they are parsed."""
    depth = random.randint(20, 400)
    aliases = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, depth))
    endless = [
        f"{setting.key.partition('.')[0]}: &a [*a]\n",
        "a: &a {b: *a}\n",
        f"a: {'[' * depth * 9}\n",
        f"a: {'{b: ' * depth * 9}\n",
    ]
    return _case("study that grows", random, random.choice([aliases, *endless]))


def _folder(random: Random, _: Setting) -> Case:
    name = some_word(random)
    return Case(
        "study that is a folder",
        (f"+experiments={name}",),
        name,
        ((f"experiments/{name}.yaml/{name}.yaml", b"seed: 1"),),
    )


def _missing(random: Random, _: Setting) -> Case:
    name, other = (
        some_word(random),
        random.choice(["experiments/{}.yml", "experiments/{}", "{}.yaml", "experiment/{}.yaml", "experiments"]),
    )
    return Case("missing study", (f"+experiments={name}",), name, ((other.format(name), b"seed: 1"),))


DEFECTS: tuple[Defect, ...] = (
    _not_yaml,
    _tabs,
    _binary,
    _not_a_mapping,
    _wrong_key,
    _wrong_value,
    _scalar_for_group,
    _odd_key,
    _wrong_defaults,
    _includes_itself,
    _bad_sweep,
    _grows,
    _folder,
    _missing,
)
"""Kinds of mistakes in a study file."""
