"""Hydra's sweeper for a search: `hydra/sweeper=sentiment_lab_optuna`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.job_composer import JobComposer
from sentiment_lab.sweeps.executors.remote import load_extra
from sentiment_lab.sweeps.search.space import read_space

SearchSpace = Callable[[JobComposer, Sequence[str], Mapping[str, Any], Sequence[str]], None]
"""Takes what composes a job, the fixed overrides, the space by key, and the command's overrides."""


class SearchSweeper(Sweeper):  # type: ignore[misc]  # hydra is untyped
    """Turns the swept values of a command line into a search space and passes it to a search."""

    def __init__(self, params: Mapping[str, Any] | None, search: SearchSpace | None = None) -> None:
        """Take the settings below `hydra.sweeper`, and the search; None where the command cannot run one."""
        self._params, self._search = params or {}, search

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Prepare the search.

        Raises ConfigError for a command without a search, such as `plan`: the runs are not known in advance.
        """
        del task_function
        if self._search is None:
            raise ConfigError(
                ["hydra/sweeper=sentiment_lab_optuna cannot be planned: a search chooses each trial from those before"]
            )
        self._parser = OverridesParser.create(hydra_context.config_loader)
        self._run = partial(self._search, JobComposer(hydra_context.config_loader, config))

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Search the space that the overrides span."""
        overrides = [*(f"{key}={value}" for key, value in self._params.items()), *arguments]
        load_extra("optuna")
        fixed, space = read_space(self._parser.parse_overrides(overrides))
        self._run(fixed, space, arguments)
        return []
