"""`sentiment-lab train`: one run, or a sweep with -m."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.tables import percent
from sentiment_lab.config.compose import config_from_hydra
from sentiment_lab.config.settings import architecture
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.hydra_app import run_hydra
from sentiment_lab.sweeps.launcher import JobsLauncher, train_jobs
from sentiment_lab.sweeps.search.search import run_search
from sentiment_lab.sweeps.search.sweeper import SearchSweeper

MULTIRUN = ("-m", "--multirun")

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sentiment_lab.training.result import Result


def train(words: Sequence[str]) -> int:
    """Train what Hydra composes from the words; `--force` runs again what is complete.

    Raises ConfigError, DataError and RunError before anything trains, TrainingError and SweepFailedError after.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes exceptions on instead of printing them
    force = "--force" in words
    errors: list[LabError] = []

    def task(composed: DictConfig) -> None:
        # Hydra writes a line of its own about an exception that reaches it.
        try:
            _train_one(composed, force)
        except LabError as error:
            errors.append(error)

    run_hydra(
        _ordered(words),
        task,
        launcher=partial(JobsLauncher, partial(train_jobs, force=force)),
        searcher=partial(SearchSweeper, search=partial(run_search, force=force)),
    )
    if errors:
        raise errors[0]
    return 0


def _ordered(words: Sequence[str]) -> list[str]:
    """Return the words for Hydra, -m in front: its parser refuses one that stands between overrides."""
    multirun = [word for word in words if word in MULTIRUN]
    return [*multirun[:1], *(word for word in words if word not in (*MULTIRUN, "--force"))]


def _train_one(composed: DictConfig, force: bool) -> None:
    from hydra.core.hydra_config import HydraConfig

    config = config_from_hydra(composed)
    overrides: list[str] = list(HydraConfig.get().overrides.task)
    job = Job(config, overrides, architecture(config.model))
    state = job.folder.state
    stored = state == "complete" and not force
    print_message(f"{job.name}  {job.folder.short_hash}")
    _report(job, execute(job, force=force), stored=stored)


def _report(job: Job, result: Result, *, stored: bool) -> None:
    if stored:
        print_message("complete before, not trained again (--force does)")
    held_out = "the test part itself" if result.validation_is_test else "validation"
    facts: dict[str, Any] = {
        "test accuracy": percent(result.test.accuracy),
        "test loss": f"{result.test.loss:.4f}",
        "test F1, ROC-AUC, ECE": f"{result.test.f1:.4f}, {result.test.roc_auc:.4f}, {result.test.ece:.4f}",
        f"best on {held_out}": f"{percent(result.best_validation_accuracy)} (best epoch {result.best_epoch})",
        "training": f"{result.train_seconds:.1f} s, {len(result.epochs)} epochs, {result.parameters:,} parameters",
        "folder": str(job.folder.path),
    }
    for name, value in facts.items():
        print_message(f"  {name:<22} {value}")
    name = job.folder.short_hash
    print_message(f'  next: sentiment-lab show {name}, sentiment-lab predict {name} "...", sentiment-lab ui')
