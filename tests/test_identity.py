"""Laws of the names of runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_lab.compose import compose_config
from sentiment_lab.config import config_from_plain
from sentiment_lab.identity import (
    canonical_json,
    code_version,
    config_hash,
    env_version,
    environment,
    flatten,
    identity_of,
    variant_hash,
    weights_digest,
)
from sentiment_lab.schema import to_plain

GOLDEN = json.loads((Path(__file__).parent / "golden" / "hashes.json").read_text(encoding="utf-8"))
OVERRIDES = ["seed=3", "model.units=[32]", "optimizer.learning_rate=0.003", "text.max_length=50", "split.seed=9"]


@pytest.mark.parametrize("entry", GOLDEN, ids=lambda entry: entry["name"])
def test_golden_hashes_stay(entry):
    config = config_from_plain(entry["config"])
    assert config_hash(config) == entry["config_hash"]
    assert variant_hash(config) == entry["variant_hash"]


@settings(max_examples=15, deadline=None)
@given(st.permutations(OVERRIDES))
def test_the_order_of_overrides_does_not_matter(order):
    assert config_hash(compose_config(order)) == config_hash(compose_config(OVERRIDES))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([], ["model=bilstm", "seed=0"]),
        (["optimizer.learning_rate=1e-3"], ["optimizer.learning_rate=0.001"]),
        (["model.dropout=0"], ["model.dropout=0.0"]),
        (["training.epochs=3"], ["training.epochs=3.0"]),
        (["model=gru"], ["model=lstm", "model.cell=gru"]),
        (["model=stacked_bilstm"], ["model.units=[64,64]"]),
        ([], ["paths.runs=/elsewhere", "paths.cache=/tmp", "launch.progress=none", "tracking=none", "study.name=x"]),
        (["data=imdb"], ["data=imdb", "data.path=/some/where.csv"]),
    ],
)
def test_what_means_the_same_has_the_same_hash(one, other):
    assert config_hash(compose_config(one)) == config_hash(compose_config(other))


def test_the_seed_alone_leaves_the_variant():
    one, other = compose_config(["seed=1"]), compose_config(["seed=2"])
    assert config_hash(one) != config_hash(other)
    assert variant_hash(one) == variant_hash(other)
    assert variant_hash(one) != variant_hash(compose_config(["seed=1", "model=gru"]))


def test_the_canonical_config_builds_the_same_config_again():
    config = compose_config(OVERRIDES)
    stored = json.loads(canonical_json(config))
    del stored["schema"]
    assert config_hash(config_from_plain({**to_plain(config), **stored})) == config_hash(config)


CHANGED = {
    "data.source": None,  # another source is another set of fields
    "model.family": None,
    "split.method": "article",
    "split.validation_is_test": True,
    "data.expect": "0" * 64,
}


def _another(key, value):
    choices = {
        "keep": "first",
        "cell": "gru",
        "pooling": "mean",
        "name": "nadam",
        "schedule": "cosine",
        "batching": "shuffled",
        "selection": "last",
        "monitor": "validation_accuracy",
        "averaging": "ema",
        "padding": "left",
    }
    last = key.rpartition(".")[2]
    if key in CHANGED:
        return CHANGED[key]
    if last in choices:
        return choices[last]
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value, 8]
    return 1 if value is None else value + 1 if isinstance(value, int) else value * 0.75 + 0.03


@pytest.mark.parametrize("start", [[], ["data=imdb"], ["model=nb_svm"]], ids=["default", "imdb", "nb_svm"])
def test_a_change_of_any_field_that_counts_is_another_hash(start):
    config = compose_config(start)
    for key, value in flatten(identity_of(config)).items():
        group, _, name = key.rpartition(".")
        changed = copy.deepcopy(config)
        new = _another(key, value)
        if new is None:
            continue
        setattr(getattr(changed, group) if group else changed, name, new)
        assert config_hash(changed) != config_hash(config), key


def test_weights_have_a_digest_of_type_shape_and_bytes():
    weights = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    assert weights_digest(weights) == weights_digest([weights[0].copy()])
    others = [weights[0].reshape(3, 2)], [weights[0].astype(np.float64)], [weights[0] + np.float32(1e-6)]
    assert len({weights_digest(weights), *map(weights_digest, others)}) == 4


def test_code_and_environment_are_named():
    assert code_version().version
    facts = environment()
    assert {"python", "tensorflow", "keras", "numpy", "processor", "cores"} <= set(facts)
    assert env_version(facts) == env_version(dict(reversed(facts.items())))
    assert env_version(facts) != env_version({**facts, "keras": "0"})
