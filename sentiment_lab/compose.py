"""From YAML files and overrides to a checked Config, by Hydra."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sentiment_lab.config import Config, config_from_plain
from sentiment_lab.identity import PACKAGE
from sentiment_lab.schema import ConfigError, did_you_mean, setting_names

VERSION_BASE = "1.3"
CONFIG_NAME = "config"
LAUNCHER = "hydra_plugins.sentiment_lab.SweepLauncher"
"""Name of the launcher in the config: Hydra takes plugins of this namespace alone, though no such package exists."""


def resource_folder(name: str) -> Path:
    """Return `conf/` or `experiments/`: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def register_configs() -> None:
    """Make the launcher and the studies known to Hydra: those of this project and of `experiments/` in this folder.

    Raises ConfigError for a study that is no YAML, naming the file.
    """
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name="sentiment_lab", node={"_target_": LAUNCHER})
    for folder in dict.fromkeys((resource_folder("experiments"), Path.cwd() / "experiments")):
        for file in sorted(folder.glob("*.yaml")):
            store.store(group="experiments", name=file.stem, node=_study(file), package="_global_")


def _study(file: Path) -> Any:
    try:
        return OmegaConf.load(file)
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError([f"{file} cannot be read as YAML: {' '.join(str(error).split())}"]) from error


def compose_config(overrides: Sequence[str] = ()) -> Config:
    """Compose and check the config that `sentiment-lab train OVERRIDES` would run.

    Raises ConfigError with one line for each problem.
    """
    register_configs()
    with explained(), hydra.initialize_config_dir(str(resource_folder("conf")), version_base=VERSION_BASE):
        return config_from_hydra(hydra.compose(CONFIG_NAME, list(overrides)))


def config_from_hydra(composed: DictConfig) -> Config:
    """Turn what Hydra composed into a checked Config.

    Raises ConfigError for unknown keys and for values against a rule.
    """
    with explained():
        ours = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
        plain = OmegaConf.to_container(ours, resolve=True)
    return config_from_plain(plain)


def run_hydra(arguments: Sequence[str], task: Callable[[DictConfig], Any], launcher: type[Launcher]) -> None:
    """Let Hydra read a command line: its flags, its overrides, one run by `task` or a sweep by `launcher`.

    Raises ConfigError for what Hydra cannot compose; exceptions of the task pass through.
    """
    register_configs()
    Plugins.instance().class_name_to_class[LAUNCHER] = launcher
    folder = str(resource_folder("conf"))
    entry = hydra.main(version_base=VERSION_BASE, config_path=folder, config_name=CONFIG_NAME)(task)
    before = sys.argv
    sys.argv = ["sentiment-lab train", *arguments]
    try:
        with explained():
            entry()
    finally:
        sys.argv = before


@contextmanager
def explained() -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise into a ConfigError that says what was meant."""
    try:
        yield
    except MissingConfigException as error:
        raise ConfigError([_unknown_option(error)]) from error
    except OverrideParseException as error:
        raise ConfigError([_unreadable(error)]) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([_not_composed(error)]) from error


def _unknown_option(error: MissingConfigException) -> str:
    if not error.missing_cfg_file or not error.options:
        return str(error).splitlines()[0]
    group, _, option = error.missing_cfg_file.rpartition("/")
    choices = ", ".join(error.options)
    return f"{group} must be one of {choices}, got {option!r}{did_you_mean(option, error.options)}"


def _unreadable(error: OverrideParseException) -> str:
    key, equals, value = error.override.partition("=")
    if not equals:
        return f"{error.override!r} is not an override; write key=value, such as model=gru or seed=3"
    return f"{key}: the value {value!r} cannot be read; put it in quotes: '{key}=\"{value}\"'"


def _not_composed(error: Exception) -> str:
    text = f"{error}\n{error.__cause__ or ''}"
    found = re.search(r"Could not override '([^']+)'", text) or re.search(r"full_key: (\S+)", text)
    if not found:
        return str(error).splitlines()[0]
    key = found.group(1)
    if "not in struct" in text or "No match" in text:
        known = setting_names(Config)
        if key in known:
            group = key.partition(".")[0]
            return f"{key} is not a setting of the {group} that was chosen; `--cfg job` shows those it has"
        return f"{key} is not a setting{did_you_mean(key, known)}"
    return f"{key}: {str(error.__cause__ or error).splitlines()[0]}"
