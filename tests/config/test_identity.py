"""Laws of config hashes. The settings come from the config classes by reflection, so that no new one is forgotten."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import NoneType
from typing import Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError, at_least, build, option, settings_of, to_plain
from sentiment_lab.config.identity import canonical_json, config_hash, flatten, variant_hash
from sentiment_lab.config.resources import PACKAGE, resource_folder
from sentiment_lab.config.settings import Config
from sentiment_lab.config.validation import config_from_plain
from sentiment_lab.models.digest import weights_digest
from sentiment_lab.runs.provenance import code_version, env_version, environment
from tests.config.composed import composed

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "hashes.json").read_text(encoding="utf-8"))
PINNED = [config_from_plain(entry["config"]) for entry in GOLDEN]

EVERY = list(settings_of(Config))
LEAVES = [one for one in EVERY if not any(other.key.startswith(f"{one.key}.") for other in EVERY)]
MARKED = [one for one in EVERY if not one.field.metadata.get("identity", True)]
FOREIGN = [one for one in LEAVES if one in MARKED or one.key.partition(".")[0] in [group.key for group in MARKED]]
COUNTING = [one for one in LEAVES if one not in FOREIGN]
CHOICES = [one for one in COUNTING if get_origin(one.kind) is Literal]
FLOATS = [one for one in LEAVES if one.kind in (float, float | None)]
WHOLE = [one for one in LEAVES if int in (one.kind, *get_args(one.kind))]
FORMS = [one for one in EVERY if len([kind for kind in get_args(one.kind) if dataclasses.is_dataclass(kind)]) > 1]
FIRST_OF_EACH_CLASS = list({one.owner: one for one in reversed(EVERY)}.values())

PRESETS = sorted(f"{file.parent.name}={file.stem}" for file in resource_folder("conf").glob("*/*.yaml"))
NEEDS = {"split=article": ["training=article", "data=imdb"]}

few = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def for_each(selected):
    assert selected
    return pytest.mark.parametrize("setting", selected, ids=lambda one: f"{one.owner.__name__}.{one.field.name}")


HASHES = st.integers(0, 2**256 - 1).map("{:064x}".format)
PLAIN = {
    bool: st.booleans(),
    int: st.integers(0, 10) | st.integers(0, 10**6),
    float: st.floats(0, 2),
    str: st.text(),
    NoneType: st.none(),
}


def values(kind, rules=()):
    """Draw a value of this type that keeps these rules; for a dataclass, a whole group."""
    inside = get_args(kind)
    if dataclasses.is_dataclass(kind):
        return st.builds(kind, **{one.field.name: values_of(one) for one in settings_of(kind)})
    if get_origin(kind) is Literal:
        return st.sampled_from(inside)
    if get_origin(kind) is list:
        return st.lists(values(inside[0], rules), min_size=1, max_size=3)
    if get_origin(kind) is dict:
        return st.dictionaries(*map(values, inside), min_size=1, max_size=3)
    if inside:
        return st.one_of([values(each, rules) for each in inside])
    drawn = HASHES if kind is str and rules else PLAIN[kind]
    return drawn.filter(lambda value: value is None or all(rule.holds(value) for rule in rules))


def values_of(setting):
    return values(setting.kind, setting.field.metadata.get("rules", ()))


def keeps_rules(setting, value):
    return all(rule.holds(value) for rule in setting.field.metadata.get("rules", ()))


def group_of(config, setting):
    """Return the group of a config to which the setting belongs, or the config itself."""
    return functools.reduce(getattr, setting.key.split(".")[:-1], config)


def has(config, setting):
    return isinstance(group_of(config, setting), setting.owner)


def value_in(config, setting):
    return getattr(group_of(config, setting), setting.field.name)


def changed(config, setting, value):
    *groups, name = setting.key.split(".")
    group = dataclasses.replace(group_of(config, setting), **{name: value})
    return dataclasses.replace(config, **{groups[0]: group}) if groups else group


def is_valid(config):
    try:
        return config_from_plain(to_plain(config)) == config
    except ConfigError:
        return False


@st.composite
def configs(draw, setting=EVERY[0]):
    """Draw a valid config with the setting: a pinned one with a few changes that leave it valid."""
    config = draw(st.sampled_from([pinned for pinned in PINNED if has(pinned, setting)]))
    for other in draw(st.lists(st.sampled_from(LEAVES), max_size=6)):
        if has(config, other):
            attempt = changed(config, other, draw(values_of(other)))
            config = attempt if is_valid(attempt) else config
    return config


def spelled(config):
    """Return every value of a config as an override, by its key."""
    return {key: f"{key}={json.dumps(value)}" for key, value in flatten(to_plain(config)).items()}


def read_back(config):
    """Build a config from its canonical form and the settings that are not part of it."""
    plain = {"paths": {}, "launch": {}, "tracking": {}, "study": {}, **json.loads(canonical_json(config))}
    for setting in FOREIGN:
        if has(config, setting):
            plain[setting.key.partition(".")[0]][setting.field.name] = value_in(config, setting)
    del plain["schema"]
    return config_from_plain(plain)


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry["name"])
def test_golden_hashes_stay(entry):
    config = config_from_plain(entry["config"])
    assert config_hash(config) == entry["config_hash"]
    assert variant_hash(config) == entry["variant_hash"]


def test_every_preset_of_a_hashed_group_has_a_golden_hash():
    groups = {setting.key.partition(".")[0] for setting in COUNTING}
    assert {preset for preset in PRESETS if preset.partition("=")[0] in groups} <= {entry["name"] for entry in GOLDEN}


OVERRIDES = ["seed=3", "model.units=[32]", "optimizer.learning_rate=0.003", "text.max_length=50", "split.seed=9"]


@pytest.fixture(scope="module")
def defaults():
    """Every setting that OVERRIDES do not set, as an override."""
    named = {override.partition("=")[0] for override in OVERRIDES}
    return [override for key, override in spelled(composed()).items() if key not in named]


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_neither_the_order_of_overrides_matters_nor_a_default_spelled_out(data, defaults):
    more = data.draw(st.lists(st.sampled_from(defaults), unique=True))
    order = data.draw(st.permutations([*OVERRIDES, *more]))
    assert compose_config(order) == composed(*OVERRIDES)


@pytest.mark.parametrize("preset", [*{preset.partition("=")[0]: preset for preset in PRESETS}.values(), "model=nb_svm"])
def test_a_preset_is_the_same_as_its_values_spelled_out(preset):
    group, needs = preset.partition("=")[0], NEEDS.get(preset, [])
    config = composed(preset, *needs)
    alone = [f"++{override}" for key, override in spelled(config).items() if key.startswith(f"{group}.")]
    assert compose_config([f"~{group}", *alone, *needs]) == config


@pytest.mark.parametrize(("one", "same"), [("1e-3", "0.001"), ("0", "0.0"), ("0", "-0.0"), ("1", "1.0")])
@pytest.mark.parametrize("model", ["bilstm", "nb_svm"])
def test_a_number_is_the_same_however_it_is_written(model, one, same):
    base = [f"model={model}", "optimizer=sgd", "launch=pool"]
    config = composed(*base)
    keys = [setting.key for setting in FLOATS if has(config, setting) and keeps_rules(setting, float(one))]
    keys = [key for key in keys if model == "bilstm" or key.startswith("model.")]  # the others are the same for both
    if not keys:
        return
    first, second = (compose_config([*base, *(f"{key}={text}" for key in keys)]) for text in (one, same))
    assert canonical_json(first) == canonical_json(second)


@for_each(FLOATS + WHOLE)
@few
@given(data=st.data())
def test_a_whole_number_is_the_same_with_a_point_and_without(setting, data):
    config = data.draw(configs(setting))
    whole = st.sampled_from([0, 1, 10, 4000]).filter(lambda number: keeps_rules(setting, number))
    number = data.draw(whole)
    written = [number, float(number), number * -1.0] if number == 0 else [number, float(number)]
    listed = get_origin(setting.kind) is list
    runs = [changed(config, setting, [twin] if listed else twin) for twin in written]
    assert len({config_hash(build(Config, to_plain(run))) for run in runs}) == 1


@for_each(FOREIGN)
@few
@given(data=st.data())
def test_settings_of_a_machine_do_not_change_the_hash(setting, data):
    config = data.draw(configs(setting))
    elsewhere = changed(config, setting, data.draw(values_of(setting)))
    assert config_hash(elsewhere) == config_hash(config)


@for_each([setting for setting in COUNTING if setting not in CHOICES or len(get_args(setting.kind)) > 1])
@few
@given(data=st.data())
def test_any_other_change_changes_the_hash_and_except_for_the_seed_that_of_the_variant(setting, data):
    config, value = data.draw(configs(setting)), data.draw(values_of(setting))
    assume(value != value_in(config, setting))
    other = changed(config, setting, value)
    assert config_hash(other) != config_hash(config)
    assert (variant_hash(other) == variant_hash(config)) == (setting.key == "seed")


@for_each(CHOICES)
@few
@given(data=st.data())
def test_every_choice_is_another_variant(setting, data):
    config, choices = data.draw(configs(setting)), get_args(setting.kind)
    assert len({variant_hash(changed(config, setting, choice)) for choice in choices}) == len(choices)


@for_each(FORMS)
@few
@given(data=st.data())
def test_every_form_of_a_group_is_another_variant(setting, data):
    config, forms = data.draw(configs(setting)), [data.draw(values(kind)) for kind in get_args(setting.kind)]
    assert len({variant_hash(changed(config, setting, form)) for form in forms}) == len(forms)


@settings(max_examples=30, deadline=None)
@given(configs())
def test_the_canonical_form_builds_the_same_config_again(config):
    assert read_back(config) == config


PRINT_CANONICAL = """
import json, sys
from sentiment_lab.config.identity import canonical_json
from sentiment_lab.config.validation import config_from_plain
for line in sys.stdin:
    print(canonical_json(config_from_plain(json.loads(line))))
"""


@pytest.mark.parametrize(("hash_seed", "locale"), [("0", "C"), ("1", "C.UTF-8"), ("4242", "tr_TR.ISO-8859-9")])
def test_the_canonical_form_is_the_same_in_any_process(hash_seed, locale, tmp_path):
    backwards = [dict(reversed(to_plain(config).items())) for config in PINNED]
    done = subprocess.run(
        [sys.executable, "-c", PRINT_CANONICAL],
        input="".join(f"{json.dumps(plain)}\n" for plain in backwards),
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "LC_ALL": locale, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [canonical_json(config) for config in PINNED]


@for_each(FIRST_OF_EACH_CLASS)
@few
@given(data=st.data())
def test_a_new_setting_with_the_value_of_the_old_behaviour_keeps_old_hashes(setting, data):
    config = data.draw(configs(setting))
    joins = ("joined", float | None, option(at_least(0), added=0.5))
    version_2 = dataclasses.make_dataclass("Version2", [joins], bases=(setting.owner,), kw_only=True, frozen=True)
    group = build(version_2, to_plain(group_of(read_back(config), setting)))
    assert group.joined == 0.5
    name = setting.key.rpartition(".")[0]

    def hash_with(group):
        return config_hash(dataclasses.replace(config, **{name: group}) if name else group)

    assert hash_with(group) == config_hash(config)
    other = dataclasses.replace(group, joined=data.draw(values(float | None).filter(lambda value: value != 0.5)))
    assert (hash_with(other) == config_hash(config)) == (setting in FOREIGN)


def test_weights_have_a_digest_of_type_shape_and_bytes():
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    assert weights_digest(weights) == weights_digest([weights[0].copy()])
    others = [weights[0].reshape(3, 2)], [weights[0].astype(np.float64)], [weights[0] + np.float32(1e-6)]
    assert len({weights_digest(weights), *map(weights_digest, others)}) == 4


def test_code_and_environment_are_named():
    assert code_version().version
    record = environment()
    assert {"python", "tensorflow", "keras", "numpy", "processor", "cores"} <= set(record)
    assert env_version(record) == env_version(dict(reversed(record.items())))
    assert env_version(record) != env_version({**record, "keras": "0"})


def test_variables_that_may_change_a_result_are_recorded(monkeypatch):
    before = environment(2)
    for name, value in {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "TF_NUM_INTRAOP_THREADS": "3",
        "OMP_NUM_THREADS": "2",  # as launch.threads
        "TF_CPP_MIN_LOG_LEVEL": "0",
        "TF_CLI_CONFIG_FILE": "of Terraform",
    }.items():
        monkeypatch.setenv(name, value)
    known = before.get("variables", "").split()
    after = environment(2)["variables"].split()
    assert [word for word in after if word not in known] == ["ONEDNN_MAX_CPU_ISA=AVX2", "TF_NUM_INTRAOP_THREADS=3"]
