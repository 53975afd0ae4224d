"""Register with Hydra what `conf/` does not hold: our launcher and sweepers, and the studies in `experiments/`."""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeperConf
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sentiment_lab.config.fields import ConfigError, setting_names
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.settings import Config

STUDY_LIMIT = 10_000
"""Largest number of values in a study, aliases expanded."""
LAUNCHER = "hydra_plugins.sentiment_lab.SweepLauncher"
"""Name of the launcher in the config. Hydra accepts plugins of this namespace only, though no such package exists."""
SWEEPER = "hydra_plugins.sentiment_lab.GridSweeper"
"""Name of the grid sweeper in the config."""
_FIXED = {"hydra.run.dir": ".", "hydra.sweep.dir": "", "hydra.sweep.subdir": "", "hydra.job.chdir": "false"}
"""Settings of Hydra with the one value that is allowed; any other would move the output of runs."""
SEARCHER = "hydra_plugins.sentiment_lab.SearchSweeper"
"""Name of the sweeper that searches with Optuna, in the config."""


def register_configs() -> None:
    """Register our launcher, our sweepers, and the studies of this project and of `./experiments/` with Hydra.

    A study that cannot be used is not registered, so it is an error only where it is chosen.
    """
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name="sentiment_lab", node={"_target_": LAUNCHER})
    store.store(group="hydra/sweeper", name="sentiment_lab", node=BasicSweeperConf(_target_=SWEEPER))
    store.store(group="hydra/sweeper", name="sentiment_lab_optuna", node={"_target_": SEARCHER, "params": None})
    store.repo.pop("experiments", None)
    for name, file in study_files().items():
        with suppress(ConfigError):
            store.store(group="experiments", name=name, node=_load_study(file), package="_global_")


def study_files() -> dict[str, Path]:
    """Return the file of each study by name: those of `./experiments/` hide this project's of the same name.

    Hidden files, such as `._mine.yaml` of macOS, are no studies.
    """
    folders = (resource_folder("experiments"), Path.cwd() / "experiments")
    files = [file for folder in folders for file in sorted(folder.glob("[!.]*.yaml"))]
    return {file.stem: file for file in files}


def study_problems(name: str) -> list[str]:
    """Return why a study cannot be used; an empty list if it can be, or if there is none of this name."""
    file = study_files().get(name)
    try:
        if file:
            _load_study(file)
    except ConfigError as error:
        return list(error.problems)
    return []


def _load_study(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file} must be saved as UTF-8; its byte {error.start + 1} is no UTF-8"]) from error
    except OSError as error:
        raise ConfigError([_unreadable(file, error)]) from error
    return _parse_study(file, text)


@functools.lru_cache(maxsize=256)  # parsing all studies takes as long as composing a config
def _parse_study(file: Path, text: str) -> Any:
    try:
        root = yaml.compose(text)
        if _is_larger(root, STUDY_LIMIT):
            raise ConfigError([f"{file} must hold at most {STUDY_LIMIT:,} values, counting those that aliases repeat"])
        if not isinstance(root, yaml.MappingNode | None):
            raise ConfigError([f"{file} must be a group of settings, such as `seed: 3`"])
        study = OmegaConf.load(io.StringIO(text))
    except (YAMLError, OmegaConfBaseException, OSError) as error:  # OSError: a root of a YAML type such as !!set
        raise ConfigError([_unreadable(file, error)]) from error
    except RecursionError as error:
        raise ConfigError([f"{file} cannot be read as YAML: it is nested too deeply"]) from error
    plain: Any = OmegaConf.to_container(study, resolve=False)
    problems = [*_structure_problems(plain, ""), *_hydra_problems("hydra", plain.get("hydra"))]
    if problems:
        raise ConfigError([f"{problem} in {file}" for problem in problems])
    return study


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse overrides of `hydra` that call other code than our launcher and sweepers, or move its output folders.

    Hydra 1.3 instantiates every `_target_` below `hydra` and has no list of allowed targets. Raises ConfigError.
    """
    pairs = [override.lstrip("+~").partition("=") for override in overrides]
    problems = [problem for key, _, value in pairs for problem in _hydra_problems(key, value)]
    if problems:
        raise ConfigError(problems)


def _hydra_problems(key: str, value: Any) -> Iterator[str]:
    """Yield what is wrong with a setting of Hydra itself, given as a value, a group, or text of an override."""
    if key in _FIXED and str(value).lower() != _FIXED[key]:
        yield f"{key} must not be set: a run's folder is paths.runs/HASH; set paths.runs=DIR for another place"
    named = key == "hydra.callbacks" or key.startswith("hydra.callbacks.") or key.endswith("._target_")
    if key.startswith("hydra.") and (named or (isinstance(value, str) and "_target_" in value)):
        yield f"{key} must not be set: it names code for Hydra to call, got {value!r}"
    for name, item in value.items() if isinstance(value, dict) else ():
        yield from _hydra_problems(f"{key}.{name}", item)


def _unreadable(file: Path, error: Exception) -> str:
    return f"{file} cannot be read as YAML: {' '.join(str(error).split())}"


def _structure_problems(plain: Any, prefix: str) -> Iterator[str]:
    """Yield the keys that hold a group in place of a value, or the reverse. Hydra's merging would not name them."""
    groups = {key.rpartition(".")[0] for key in setting_names(Config)}
    for name, value in plain.items():
        key = f"{prefix}{name}"
        is_group = isinstance(value, dict)
        if is_group and key in groups:
            yield from _structure_problems(value, f"{key}.")
        elif is_group != (key in groups) and key in setting_names(Config):
            yield f"{key} must be {'one value' if is_group else 'a group of settings'}, got {value!r}"


def _is_larger(root: yaml.Node | None, limit: int) -> bool:
    """Whether a document has more than `limit` nodes, aliases expanded.

    A few lines of aliases to aliases stand for any number of nodes, even an infinite one.
    """
    waiting = [root] if root else []
    for _ in range(limit):
        if not waiting:
            return False
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += itertools.chain.from_iterable(node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return True
