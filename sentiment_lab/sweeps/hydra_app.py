"""Run a command line of `train` or `plan` through Hydra."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import hydra
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, OmegaConf

from sentiment_lab.config.compose import CONFIG_NAME, VERSION_BASE
from sentiment_lab.config.hydra_errors import explain_hydra_errors
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.studies import LAUNCHER, SEARCHER, SWEEPER, register_configs
from sentiment_lab.sweeps.grid_sweeper import GridSweeper


def run_hydra(
    arguments: Sequence[str],
    task: Callable[[DictConfig], Any],
    launcher: type[Launcher],
    searcher: type[Sweeper] = Sweeper,
) -> None:
    """Let Hydra read a command line: its flags, its overrides, one run by `task` or a sweep by `launcher`.

    `searcher` is the sweeper that decides as it goes.

    While it runs, `hydra.sweep.dir` is a temporary folder, so that nothing of Hydra's is left behind.
    Raises ConfigError for what Hydra cannot compose; exceptions of the task pass through.
    """
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
