"""`sentiment-lab train`: train one run, or a sweep with -m. Hydra parses the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sentiment_lab.runs.job import Job
    from sentiment_lab.training.result import Result

NAME = "train"
_FORCE = "--force"


def add_parser(commands: Commands) -> None:
    """Add the command to the list of commands; `run` receives its arguments unparsed."""
    commands.add_parser(NAME, help="train one run, or a sweep with -m")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    try:
        return train(options.overrides)
    except KeyboardInterrupt as error:
        reason = str(error) or "interrupted"
        raise KeyboardInterrupt(f"{reason}; rerun the same command to resume from the last checkpoint") from error


def train(arguments: Sequence[str]) -> int:
    """Train the run or the sweep of a command line of Hydra; `--force` retrains complete runs.

    Raises ConfigError, DataError and RunError before training, TrainingError and SweepFailedError after it.
    """
    from sentiment_lab.sweeps.hydra_app import run_hydra
    from sentiment_lab.sweeps.launcher import JobsLauncher, train_jobs
    from sentiment_lab.sweeps.search.search import run_search
    from sentiment_lab.sweeps.search.sweeper import SearchSweeper

    os.environ["HYDRA_FULL_ERROR"] = "1"  # otherwise Hydra prints exceptions and exits
    force = _FORCE in arguments
    errors: list[LabError] = []

    def task(composed: DictConfig) -> None:
        # Hydra prints a line about an exception that reaches it.
        try:
            _train_one(composed, force=force)
        except LabError as error:
            errors.append(error)

    run_hydra(
        [word for word in arguments if word != _FORCE],
        task,
        launcher=partial(JobsLauncher, partial(train_jobs, force=force)),
        searcher=partial(SearchSweeper, search=partial(run_search, force=force)),
    )
    if errors:
        raise errors[0]
    return 0


def _train_one(composed: DictConfig, *, force: bool) -> None:
    from hydra.core.hydra_config import HydraConfig

    from sentiment_lab.config.compose import config_from_hydra
    from sentiment_lab.config.settings import architecture
    from sentiment_lab.runs.job import Job
    from sentiment_lab.sweeps.execution import execute
    from sentiment_lab.sweeps.preparation import Preparation

    config = Preparation()(config_from_hydra(composed))
    overrides: list[str] = list(HydraConfig.get().overrides.task)
    job = Job(config, overrides, architecture(config.model))
    stored = job.folder.state == "complete" and not force
    print_message(f"{job.name}  {job.folder.short_hash}")
    result = execute(job, force=force)
    if stored:
        print_message(f"complete, not trained again ({_FORCE} retrains it)")
    _print_result(job, result)


def _print_result(job: Job, result: Result) -> None:
    from sentiment_lab.base.tables import percent

    validation = "the test part itself" if result.validation_is_test else "validation"
    lines = {
        "test accuracy": percent(result.test.accuracy),
        "test loss": f"{result.test.loss:.4f}",
        "test F1, ROC-AUC, ECE": f"{result.test.f1:.4f}, {result.test.roc_auc:.4f}, {result.test.ece:.4f}",
        **{f"test {name}": f"{value:.4f}" for name, value in (result.test.others or {}).items()},
        f"best on {validation}": f"{percent(result.best_validation_accuracy)} (best epoch {result.best_epoch})",
        "training": f"{result.train_seconds:.1f} s, {len(result.epochs)} epochs, {result.parameters:,} parameters",
        "folder": str(job.folder.path),
    }
    for name, value in lines.items():
        print_message(f"  {name:<22} {value}")
    name = job.folder.short_hash
    print_message(f'  next: sentiment-lab show {name}, sentiment-lab predict {name} "...", sentiment-lab ui')
