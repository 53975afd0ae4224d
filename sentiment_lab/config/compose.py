"""From YAML files and overrides to a checked Config, by Hydra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from sentiment_lab.config.hydra_errors import explain_hydra_errors, group_options
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.schema import ConfigError, discriminator, field_types
from sentiment_lab.config.settings import Config, ModelConfig
from sentiment_lab.config.studies import register_configs
from sentiment_lab.config.validation import config_from_plain

VERSION_BASE = "1.3"
CONFIG_NAME = "config"


def compose_config(overrides: Sequence[str] = ()) -> Config:
    """Compose and check the config that `sentiment-lab train OVERRIDES` would run.

    Raises ConfigError with one line for each problem.
    """
    register_configs()
    with (
        explain_hydra_errors(overrides),
        hydra.initialize_config_dir(str(resource_folder("conf")), version_base=VERSION_BASE),
    ):
        return config_from_hydra(hydra.compose(CONFIG_NAME, list(overrides), return_hydra_config=True))


def config_from_hydra(composed: DictConfig) -> Config:
    """Turn what Hydra composed into a checked Config.

    Raises ConfigError for unknown keys and for values against a rule.
    """
    with explain_hydra_errors():
        return _checked(_settings(composed), _task_words(composed))


def _settings(composed: DictConfig) -> DictConfig:
    """Return a copy of what Hydra composed, without what is Hydra's own."""
    _check_choices(composed)
    # A key that is no text is kept too, to be refused by its name.
    ours: list[Any] = [key for key in composed if key != "hydra"]
    return OmegaConf.masked_copy(composed, ours)


def hydra_config(composed: DictConfig) -> Any:
    """Return what is Hydra's own of a composed config."""
    return composed.hydra if "hydra" in composed else HydraConfig.get()  # of a single run it was taken out before


def _task_words(composed: DictConfig) -> list[str]:
    words: Any = OmegaConf.to_container(hydra_config(composed).overrides.task, resolve=False)
    return [str(word) for word in words]


def _check_choices(composed: DictConfig) -> None:
    """Refuse a list of options: Hydra would merge them, and which value wins is in no file."""
    hydras, words = hydra_config(composed), _task_words(composed)
    taken_out = {word.lstrip("~").partition("=")[0] for word in words if word.startswith("~")}
    lists = {str(key): group_options(str(key)) for key in composed if key not in {*hydras.runtime.choices, *taken_out}}
    problems = [f"{key} must be one of {', '.join(names)}, got a list of them" for key, names in lists.items() if names]
    if problems:
        raise ConfigError(problems)


def _checked(settings: DictConfig, words: Sequence[str]) -> Config:
    plain: Any = OmegaConf.to_container(settings, resolve=True)
    return config_from_plain(_fitting_model(plain, words))


def _fitting_model(plain: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Leave out what a study says of models of another family, so that a bar can stand beside its networks.

    What the words of a command line say of them stays, to be refused.
    """
    model = plain.get("model")
    name, classes = discriminator(get_args(ModelConfig))
    if not isinstance(model, dict) or model.get(name) not in classes:
        return plain
    family = classes[model[name]]
    asked = {word.lstrip("+~").partition("=")[0].removeprefix("model.") for word in words}
    others = {key for kind in classes.values() for key in field_types(kind)} - {*field_types(family)} - asked
    return {**plain, "model": {key: value for key, value in model.items() if key not in others}}
