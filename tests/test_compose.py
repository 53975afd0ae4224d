"""Every YAML composes, and a mistake on the command line is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sentiment_lab.compose import compose_config, resource_folder
from sentiment_lab.config import RecurrentModel, architecture
from sentiment_lab.schema import ConfigError

CONF = resource_folder("conf")
CHOICES = sorted(f"{file.parent.name}={file.stem}" for file in CONF.glob("*/*.yaml") if not file.stem.startswith("_"))
NEEDS = {"split=article": ["training=article"]}
STUDIES = sorted(file.stem for file in resource_folder("experiments").glob("*.yaml"))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_of_every_group_composes(choice):
    assert compose_config([choice, *NEEDS.get(choice, [])])


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_composes_and_names_itself(study):
    assert compose_config([f"+experiments={study}"]).study.name == study


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CONF)))
def test_yaml_holds_values_only(file: Path):
    keys = set(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    assert not {key for key in keys if str(key).startswith("_")}, "a name to import has no place in conf/"


@pytest.mark.parametrize("preset", ["simple_rnn", "gru", "lstm", "bilstm", "bigru", "stacked_lstm", "stacked_bilstm"])
def test_a_preset_is_the_architecture_it_is_called(preset):
    model = compose_config([f"model={preset}"]).model
    assert isinstance(model, RecurrentModel)
    assert architecture(model) == preset


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=lstmm"], "model must be one of bigru, bilstm, gru, lstm,"),
        (["model=lstmm"], "got 'lstmm'; did you mean lstm?"),
        (["modle=lstm"], "modle is not a setting; did you mean model?"),
        (["model.unitz=[3]"], "model.unitz is not a setting; did you mean model.units?"),
        (["model.dropout=20"], "model.dropout must be in [0, 1), got 20"),
        (["model.cell=gruu"], "model.cell must be one of simple_rnn, gru, lstm, got 'gruu'; did you mean gru?"),
        (["model=tfidf_logistic", "model.units=[3]"], "model.units is not a setting of the model that was chosen"),
        (["seed=one"], "seed must be a whole number, got 'one'"),
        (["gru"], "'gru' is not an override; write key=value"),
        (["data=imdb", "data.path=a(b.csv"], "data.path: the value 'a(b.csv' cannot be read; put it in quotes"),
        (["+frobnicate=1"], "frobnicate is not a setting"),
        (["~optimizer"], "optimizer is missing"),
        (["+experiments=artikel"], "got 'artikel'; did you mean article?"),
        (["optimizer=adam", "optimizer.momentum=0.9"], "optimizer.momentum must be 0 for adam"),
        (["data=imdb", "split=article"], "training.selection must be last where split.validation_is_test is true"),
        (["split=official", "split.train=100"], "split.train must be null where split.method is official"),
        (["split.validation=0", "training.selection=last", "training.patience=2"], "training.patience must be null"),
        (["data.expect=12ab"], "data.expect must be a hash of 64 hexadecimal digits, got '12ab'"),
        (["seed=${nowhere}"], "Interpolation key 'nowhere' not found"),
    ],
)
def test_a_mistake_is_explained(overrides, message):
    with pytest.raises(ConfigError) as caught:
        compose_config(overrides)
    assert message in str(caught.value)


def test_a_study_of_the_current_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text("seed: 77\nstudy: {name: mine}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    config = compose_config(["+experiments=mine"])
    assert (config.seed, config.study.name) == (77, "mine")


def test_a_study_that_is_no_yaml_is_named(tmp_path, monkeypatch):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "torn.yaml").write_text("seed: [1,", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"torn\.yaml cannot be read as YAML"):
        compose_config([])
