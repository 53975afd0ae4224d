"""A search in place of a grid: Optuna proposes settings, each trial is a run for each seed, the best is kept.

A trial's value is the mean best validation accuracy over its seeds; the test part plays no role. What was run before,
by this search or any other command, is taken from its folder. A search that was stopped goes on with the same command:
Optuna's storage lies beside MLflow's.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.signals import check
from sentiment_lab.config.identity import SHORT, config_hash
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.config.settings import Config, architecture
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import JobOutcome, run_job
from sentiment_lab.sweeps.search.space import grid_of, words_of
from sentiment_lab.sweeps.view import View, build_view
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord

if TYPE_CHECKING:
    import optuna

Compose = Callable[[Sequence[str]], Config]
MOST_FAILURES = 3
"""Trials that may fail in a row."""


class PrunedError(LabError):
    """A run that was ended because others were better at this epoch."""

    exit_code = 1


class SearchFailedError(LabError):
    """A search that found nothing."""

    exit_code = 1


class Search:
    """One search, from its storage to its best config."""

    def __init__(self, compose: Compose, fixed: Sequence[str], space: Mapping[str, Any], force: bool) -> None:
        """Open the storage of the search that these words make.

        Raises ConfigError where the study's settings do not fit each other.
        """
        self._compose, self._fixed, self._space, self._force = compose, list(fixed), dict(space), force
        self._config: Config = compose(self._fixed)
        _check(self._config)
        self._study = self._open()

    def run(self, command: Sequence[str]) -> None:
        """Try settings until there are `study.trials`, then tell what was found."""
        from sentiment_lab.sweeps.search.findings import write_findings
        from sentiment_lab.sweeps.sweep import run_sweep

        done = len(self._ended())
        print_message(f"search {self._study.study_name}: {self._wanted()} trials, {done} done before")
        log = Path(self._config.paths.store).absolute() / "search" / self._study.study_name
        log.mkdir(parents=True, exist_ok=True)
        failures = 0
        while len(self._ended()) < self._wanted():
            check()
            before = len(self._ended())
            self._trial(log)
            failures = failures + 1 if len(self._ended()) == before else 0
            if failures == MOST_FAILURES:
                raise SearchFailedError(f"{failures} trials in a row failed; {log} has their traces")
        jobs = [job for trial in self._complete() for job in self._jobs_of(trial.params)]
        if not jobs:
            raise SearchFailedError("every trial of the search was pruned")
        unique = {job.folder.short_hash: job for job in jobs}
        best = self._best()
        run_sweep(list(unique.values()), command, extra=lambda folder: write_findings(self._study, best, folder))

    def _trial(self, log: Path) -> None:
        import optuna

        trial = self._study.ask(self._space)
        try:
            jobs = self._jobs_of(trial.params)
        except ConfigError as error:
            print_message(f"trial {trial.number} cannot be composed: {'; '.join(error.problems)}")
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        print_message(f"trial {trial.number}: {' '.join(words_of(trial.params))}")
        outcomes = []
        for number, job in enumerate(jobs):
            view = build_view(job.config.launch, len(jobs))
            outcome = _run(job, trial, number, view, log, force=self._force)
            outcomes.append(outcome)
            if outcome.result is None:
                break
        self._tell(trial, outcomes)

    def _tell(self, trial: optuna.Trial, outcomes: Sequence[JobOutcome]) -> None:
        import optuna

        state = optuna.trial.TrialState
        failed = [outcome.reason for outcome in outcomes if outcome.result is None]
        if failed:
            pruned = failed[0].startswith(PrunedError.__name__)
            self._study.tell(trial, state=state.PRUNED if pruned else state.FAIL)
            return
        results = [outcome.result for outcome in outcomes if outcome.result]
        accuracy = statistics.fmean(result.best_validation_accuracy or 0.0 for result in results)
        seconds = statistics.fmean(result.train_seconds for result in results)
        values = [accuracy, seconds] if self._config.study.objective == "accuracy_and_seconds" else [accuracy]
        self._study.tell(trial, values)
        print_message(f"  validation accuracy {accuracy:.4f}, {seconds:.1f} s")

    def _jobs_of(self, parameters: Mapping[str, Any]) -> list[Job]:
        first = self._config.seed
        words = [*self._fixed, *words_of(parameters)]
        jobs = []
        for seed in range(first, first + self._config.study.seeds):
            overrides = [*words, f"seed={seed}"]
            config = self._compose(overrides)
            kind = architecture(config.model)
            jobs.append(Job(config, overrides, " ".join([kind, *words_of(parameters)])))
        return jobs

    def _open(self) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        settings = self._config.study
        space = {key: repr(value) for key, value in self._space.items()}
        asked = [settings.name, config_hash(self._config), space, settings.seeds, settings.objective]
        name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:SHORT]
        both = settings.objective == "accuracy_and_seconds"
        store = Path(self._config.paths.store).absolute()
        store.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=f"sqlite:///{store / 'search.db'}",
            study_name=name,
            directions=["maximize", "minimize"] if both else ["maximize"],
            load_if_exists=True,
            pruner=_pruner(settings.pruner),
        )
        for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):  # of a process that died
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params)
        study.sampler = _sampler(settings.sampler, self._config.seed + len(study.trials))
        if settings.sampler == "grid":
            grid = grid_of(self._space)
            for values in itertools.product(*grid.values()):
                study.enqueue_trial(dict(zip(grid, values, strict=True)), skip_if_exists=True)
        return study

    def _ended(self) -> list[optuna.trial.FrozenTrial]:
        import optuna

        state = optuna.trial.TrialState
        return self._study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED))

    def _complete(self) -> list[optuna.trial.FrozenTrial]:
        import optuna

        return self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))

    def _best(self) -> Job:
        """Return the first job of the best trial: the most accurate one, where time counts too."""
        best = max(self._complete(), key=lambda trial: trial.values[0])
        return self._jobs_of(best.params)[0]

    def _wanted(self) -> int:
        """Return how many trials there shall be: `study.trials`, or the whole grid where that is smaller."""
        trials = self._config.study.trials
        if self._config.study.sampler != "grid":
            return trials
        return min(trials, math.prod(len(values) for values in grid_of(self._space).values()))


def run_search(
    compose: Compose, fixed: Sequence[str], space: Mapping[str, Any], command: Sequence[str], *, force: bool
) -> None:
    """Search the space with `fixed` as the other overrides; `force` retrains complete runs.

    Raises ConfigError where the study's settings do not allow a search, SearchFailedError where it finds nothing.
    """
    Search(compose, fixed, space, force).run(command)


def _run(job: Job, trial: optuna.Trial, number: int, view: View, log: Path, *, force: bool) -> JobOutcome:
    stored = job.folder.state == "complete" and not force
    view.started(job)
    epochs = job.config.training.epochs
    outcome = run_job(job, log, force=force, observer=_Reporter(trial, number * epochs))
    view.ended(job, outcome.result, outcome.reason, stored=stored)
    return outcome


class _Reporter(Callback):
    """Tells Optuna of each epoch, and ends a run that it prunes."""

    def __init__(self, trial: optuna.Trial, offset: int) -> None:
        self._trial, self._offset = trial, offset

    def epoch_ended(self, record: EpochRecord) -> None:
        if len(self._trial.study.directions) > 1 or record.validation_accuracy is None:
            return
        self._trial.report(record.validation_accuracy, self._offset + record.epoch)
        if self._trial.should_prune():
            raise PrunedError(f"pruned after epoch {record.epoch}")


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    from optuna import samplers

    match name:
        case "random" | "grid":  # a grid's trials are all waiting: nothing is drawn
            return samplers.RandomSampler(seed=seed)
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed)
        case _:
            return samplers.TPESampler(seed=seed)


def _pruner(name: str) -> optuna.pruners.BasePruner:
    from optuna import pruners

    match name:
        case "median":
            return pruners.MedianPruner()
        case "hyperband":
            return pruners.HyperbandPruner()
        case _:
            return pruners.NopPruner()


def _check(config: Config) -> None:
    study, problems = config.study, []
    if config.split.validation_is_test or not config.split.validation:
        problems.append("a search needs a validation part of its own: split.validation above 0, not the test part")
    if config.launch.executor != "inline":
        problems.append(f"launch must be inline in a search, got {config.launch.executor}")
    if study.choose:
        problems.append(f"study.choose must be null in a search, which chooses by itself, got {study.choose}")
    if study.objective == "accuracy_and_seconds" and study.pruner != "none":
        problems.append(f"study.pruner must be none where study.objective has two parts, got {study.pruner}")
    if problems:
        raise ConfigError(problems)
