"""The executor that a config names."""

from __future__ import annotations

from sentiment_lab.base.portable import require_portable
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.sweeps.executors.base import Executor
from sentiment_lab.sweeps.executors.inline import InlineExecutor


def build_executor(launch: LaunchConfig) -> Executor:
    """Return the executor that `launch.executor` names.

    Raises PortableError where `launch.portable` needs another environment; worker processes inherit it.
    """
    if launch.portable:
        require_portable()
    match launch.executor:
        case "pool":
            from sentiment_lab.sweeps.executors.pool import PoolExecutor

            return PoolExecutor(launch)
        case "ray":
            from sentiment_lab.sweeps.executors.ray import RayExecutor

            return RayExecutor(launch)
        case "slurm":
            from sentiment_lab.sweeps.executors.slurm import SlurmExecutor

            return SlurmExecutor(launch)
        case "inline":
            return InlineExecutor()
