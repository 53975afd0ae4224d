"""Running a command line of `train` or `plan` through Hydra."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, OmegaConf

from sentiment_lab.config.compose import CONFIG_NAME, VERSION_BASE
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.hydra_errors import explain_hydra_errors
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.studies import LAUNCHER, SEARCHER, SWEEPER, check_overrides, register_configs
from sentiment_lab.sweeps.grid_sweeper import GridSweeper
from sentiment_lab.sweeps.search.sweeper import SearchSweeper


def run_hydra(
    arguments: Sequence[str],
    task: Callable[[DictConfig], Any],
    launcher: Callable[..., Launcher],
    searcher: Callable[..., Sweeper] = SearchSweeper,
) -> None:
    """Let Hydra parse a command line of flags and overrides; pass a single run to `task`, a sweep to `launcher`.

    `launcher` and `searcher` (the sweeper of a search) are classes or functions that build the object: Hydra calls them
    with the settings below `hydra.launcher` and `hydra.sweeper`. `hydra.sweep.dir` is a temporary folder, so that Hydra
    leaves no files behind. Raises ConfigError for an invalid config; exceptions of the task pass through.
    """
    arguments = _overrides_first(arguments)
    check_overrides(arguments)
    register_configs()
    Plugins.instance().class_name_to_class.update({LAUNCHER: launcher, SWEEPER: GridSweeper, SEARCHER: searcher})
    folder = str(resource_folder("conf"))
    entry = hydra.main(version_base=VERSION_BASE, config_path=folder, config_name=CONFIG_NAME)(task)
    before = sys.argv
    sys.argv = ["sentiment-lab train", *arguments]
    try:
        with explain_hydra_errors(arguments), TemporaryDirectory(prefix="sentiment-lab-") as scratch:
            OmegaConf.register_new_resolver("scratch", lambda: scratch, replace=True)
            entry()
    finally:
        sys.argv = before


def _overrides_first(arguments: Sequence[str]) -> list[str]:
    """Move the overrides before the flags, because Hydra's parser accepts only one group of them.

    Raises ConfigError for flags that a sweep, or a program with configs of its own, does not have.
    """
    parser = get_args_parser()
    words = parser.parse_intermixed_args(list(arguments))
    if words.hydra_help:
        return ["--hydra-help"]
    if words.help:
        return [*words.overrides, "--help"]
    if words.multirun and (words.cfg or words.info):
        flag = "--cfg" if words.cfg else "--info"
        raise ConfigError([f"{flag} shows a single run: leave out -m; `sentiment-lab plan` lists the jobs of a sweep"])
    if words.shell_completion:
        raise ConfigError(
            ["--shell-completion does not know subcommands; `sentiment-lab train --help` lists the settings"]
        )
    for flag, value in (("--config-path", words.config_path), ("--config-name", words.config_name)):
        if value:
            raise ConfigError([f"{flag} is fixed; add a folder of configs with --config-dir DIR, got {value}"])
    flags = list(arguments)
    for override in words.overrides:
        flags.remove(override)
    return [*words.overrides, *flags]
