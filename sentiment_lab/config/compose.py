"""Compose a checked Config from the files of `conf/` and overrides, with Hydra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from sentiment_lab.config.fields import ConfigError, discriminator, field_types
from sentiment_lab.config.hydra_errors import explain_hydra_errors, group_options
from sentiment_lab.config.resources import resource_folder
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
    """Turn a config composed by Hydra into a checked Config.

    Raises ConfigError for unknown keys and invalid values.
    """
    with explain_hydra_errors():
        return check_settings(without_hydra(composed), _task_overrides(composed))


def without_hydra(composed: DictConfig) -> DictConfig:
    """Return a copy of a composed config without Hydra's own settings.

    Raises ConfigError for a group with a list of options.
    """
    _check_choices(composed)
    # Keys that are no strings are kept as well: `check_settings` names them.
    settings: list[Any] = [key for key in composed if key != "hydra"]
    return OmegaConf.masked_copy(composed, settings)


def check_settings(settings: DictConfig, overrides: Sequence[str]) -> Config:
    """Turn composed settings into a checked Config; `overrides` are those of the command line.

    Raises ConfigError for unknown keys and invalid values, OmegaConfBaseException for an interpolation without value.
    """
    plain: Any = OmegaConf.to_container(settings, resolve=True)
    return config_from_plain(_drop_other_family(plain, overrides))


def _hydra_settings(composed: DictConfig) -> Any:
    # Hydra removes its own settings from the config of a single run before it calls the task.
    return composed.hydra if "hydra" in composed else HydraConfig.get()


def _task_overrides(composed: DictConfig) -> list[str]:
    overrides: Any = OmegaConf.to_container(_hydra_settings(composed).overrides.task, resolve=False)
    return [str(override) for override in overrides]


def _check_choices(composed: DictConfig) -> None:
    """Raise ConfigError for a list of options, such as `model=[lstm,gru]`.

    Hydra would merge them, and which value wins is not defined.
    """
    removed = {word.lstrip("~").partition("=")[0] for word in _task_overrides(composed) if word.startswith("~")}
    chosen = {*_hydra_settings(composed).runtime.choices, *removed}
    lists = {str(key): group_options(str(key)) for key in composed if key not in chosen}
    problems = [f"{key} must be one of {', '.join(names)}, got a list of them" for key, names in lists.items() if names]
    if problems:
        raise ConfigError(problems)


def _drop_other_family(plain: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Remove settings of the model that another model family has, unless an override of the command line names them.

    A study can thus set `model.units` for its networks and still include a linear baseline.
    """
    model = plain.get("model")
    name, classes = discriminator(get_args(ModelConfig))
    if not isinstance(model, dict) or model.get(name) not in classes:
        return plain
    family = classes[model[name]]
    named = {word.lstrip("+~").partition("=")[0].removeprefix("model.") for word in overrides}
    others = {key for kind in classes.values() for key in field_types(kind)} - {*field_types(family)} - named
    return {**plain, "model": {key: value for key, value in model.items() if key not in others}}
