"""Hydra's sweeper for grids: every combination of the listed values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.studies import LAUNCHER


class GridSweeper(Sweeper):  # type: ignore[misc]  # hydra is untyped
    """Passes the launcher every combination of the values that a command line and a study list.

    Hydra's BasicSweeper does the same but composes each job first, which our launcher does anyway. This is no subclass
    of it: looking for plugins, Hydra executes the module of BasicSweeper a second time, and a subclass made before
    would have a base class that Hydra no longer knows.
    """

    def __init__(self, max_batch_size: int | None, params: Mapping[str, Any] | None) -> None:
        """Take the settings below `hydra.sweeper`."""
        self._batch_size, self._params = max_batch_size, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep the sweep's config and create the launcher."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch all jobs.

        Raises the errors of the launcher and of the jobs.
        """
        returns = []
        started = 0
        for batch in self._batches(arguments):
            if self.config.hydra.launcher._target_ != LAUNCHER:  # others start jobs before all are composed
                self.validate_batch_is_legal(batch)
            returns.append(self.launcher.launch(batch, initial_job_idx=started))
            _ = [job.return_value for job in returns[-1]]  # the property raises the exception of a failed job
            started += len(batch)
        return returns

    def _batches(self, arguments: list[str]) -> list[list[list[str]]]:
        listed = [*(f"{key}={value}" for key, value in self._params.items()), *arguments]
        overrides = self._parse(listed)
        batches = list(BasicSweeper.split_arguments(overrides, self._batch_size))
        if not any(batches):
            empty = [one for one in overrides if one.is_sweep_override() and not any(one.sweep_iterator())]
            raise ConfigError([f"{one.key_or_group} must list values to sweep, got {one.input_line}" for one in empty])
        return batches

    def _parse(self, words: Sequence[str]) -> list[Override]:
        parser = OverridesParser.create(self.hydra_context.config_loader)
        parsed: list[Override] = parser.parse_overrides(list(words))
        return parser.parse_overrides([_decimal_range(one) or one.input_line for one in parsed])  # type: ignore[no-any-return]


def _decimal_range(override: Override) -> str | None:
    """Return a range of fractions as a list: range(0.1,0.4,0.1) is 0.1,0.2,0.3 and not 0.1,0.2,0.30000000000000004,0.4.

    None for every other override.
    """
    swept = override.value()
    if not isinstance(swept, RangeSweep) or (isinstance(swept.start, int) and isinstance(swept.step, int)):
        return None
    start, stop, step = (Decimal(str(number)) for number in (swept.start, swept.stop, swept.step))
    count = max(0, math.ceil((stop - start) / step))
    values = ",".join(str(float(start + number * step)) for number in range(count))
    return f"{override.get_key_element()}={f'shuffle({values})' if swept.shuffle else values}"
