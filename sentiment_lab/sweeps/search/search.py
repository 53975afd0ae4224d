"""A search instead of a grid: Optuna proposes settings, and each trial is one run per seed.

A trial's value is the mean best validation accuracy over its seeds; the test part plays no role. Runs that are already
complete, from this search or any other command, are read from their folders. The same command resumes a stopped search:
Optuna's storage `search.db` is in the folder of MLflow's store.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import StorageError, storage_errors
from sentiment_lab.base.signals import check
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import SHORT, config_hash
from sentiment_lab.config.settings import Config, architecture
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.executors.base import JobOutcome, run_job
from sentiment_lab.sweeps.preparation import Preparation
from sentiment_lab.sweeps.search.space import grid_of, overrides_of
from sentiment_lab.sweeps.view import View, build_view
from sentiment_lab.tracking.address import sqlite_address
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord

if TYPE_CHECKING:
    import optuna

Compose = Callable[[Sequence[str]], Config]
MOST_FAILURES = 3
"""Failed trials in a row that end the search."""


class PrunedError(LabError):
    """A run that was stopped because others were better at this epoch."""

    exit_code = 1


class SearchFailedError(LabError):
    """A search without a single complete trial, or with too many failures in a row."""

    exit_code = 1


class Search:
    """One search, from its storage to its best config."""

    def __init__(self, compose: Compose, fixed: Sequence[str], space: Mapping[str, Any], force: bool) -> None:
        """Open the storage of the search that these settings identify.

        Raises ConfigError when the study's settings contradict each other, DataError and StoreAddressError as
        `Preparation` does, StorageError when the storage cannot be written.
        """
        self._fixed, self._space, self._force = list(fixed), dict(space), force
        prepare = Preparation()
        self._compose: Compose = lambda overrides: prepare(compose(overrides))
        self._config = self._compose(self._fixed)
        _check(self._config)
        self._database = Path(self._config.paths.store).absolute() / "search.db"
        with _database_errors(self._database):
            self._study = self._open()

    def run(self, command: Sequence[str]) -> None:
        """Run trials until there are `study.trials`, then compare their runs as a sweep and write the findings.

        Raises SearchFailedError where no trial is complete, StorageError for files that cannot be written.
        """
        with _database_errors(self._database):
            self._run(command)

    def _run(self, command: Sequence[str]) -> None:
        from sentiment_lab.sweeps.search.findings import write_findings
        from sentiment_lab.sweeps.sweep import run_sweep

        done = len(self._ended())
        print_message(f"search {self._study.study_name}: {self._wanted()} trials, {done} already done")
        log = self._database.parent / "search" / self._study.study_name
        with storage_errors(log):
            log.mkdir(parents=True, exist_ok=True)
        failures = 0
        while len(self._ended()) < self._wanted():
            check()
            before = len(self._ended())
            self._trial(log)
            failures = failures + 1 if len(self._ended()) == before else 0
            if failures == MOST_FAILURES:
                raise SearchFailedError(f"{failures} trials in a row failed; their tracebacks are in {log}")
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
            print_message(f"trial {trial.number} has an invalid config: {'; '.join(error.problems)}")
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        print_message(f"trial {trial.number}: {' '.join(overrides_of(trial.params))}")
        outcomes = []
        for number, job in enumerate(jobs):
            view = build_view(job.config.launch, len(jobs))
            outcome = _run(job, PruningCallback(trial, number * job.config.training.epochs), view, log, self._force)
            outcomes.append(outcome)
            if outcome.result is None:
                break
        self._finish(trial, outcomes)

    def _finish(self, trial: optuna.Trial, outcomes: Sequence[JobOutcome]) -> None:
        import optuna

        state = optuna.trial.TrialState
        failed = [outcome for outcome in outcomes if outcome.result is None]
        if failed:
            self._study.tell(trial, state=state.PRUNED if failed[0].error == PrunedError.__name__ else state.FAIL)
            return
        results = [outcome.result for outcome in outcomes if outcome.result]
        accuracy = statistics.fmean(result.best_validation_accuracy or 0.0 for result in results)
        seconds = statistics.fmean(result.train_seconds for result in results)
        values = [accuracy, seconds] if self._config.study.objective == "accuracy_and_seconds" else [accuracy]
        self._study.tell(trial, values)
        print_message(f"  validation accuracy {accuracy:.4f}, {seconds:.1f} s")

    def _jobs_of(self, parameters: Mapping[str, Any]) -> list[Job]:
        first = self._config.seed
        proposed = overrides_of(parameters)
        jobs = []
        for seed in range(first, first + self._config.study.seeds):
            overrides = [*self._fixed, *proposed, f"seed={seed}"]
            config = self._compose(overrides)
            jobs.append(Job(config, overrides, " ".join([architecture(config.model), *proposed])))
        return jobs

    def _open(self) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        settings = self._config.study
        space = {key: repr(value) for key, value in self._space.items()}
        identity = [settings.name, config_hash(self._config), space, settings.seeds, settings.objective]
        name = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:SHORT]
        both = settings.objective == "accuracy_and_seconds"
        with storage_errors(self._database):
            self._database.parent.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=sqlite_address(self._database, "paths.store"),
            study_name=name,
            directions=["maximize", "minimize"] if both else ["maximize"],
            load_if_exists=True,
            pruner=build_pruner(settings.pruner),
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
        """Return the first job of the most accurate trial, also when the time is a second objective."""
        best = max(self._complete(), key=lambda trial: trial.values[0])
        return self._jobs_of(best.params)[0]

    def _wanted(self) -> int:
        """Return the number of trials: `study.trials`, or the size of the grid if that is smaller."""
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


@contextmanager
def _database_errors(database: Path) -> Iterator[None]:
    """Turn an error of Optuna's database into a StorageError that names its file and the cause."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ or error
        raise StorageError(
            f"{database} cannot be written: {getattr(cause, 'orig', cause)}; fix this and rerun the same command to "
            "resume"
        ) from error


def _run(job: Job, pruning: PruningCallback, view: View, log: Path, force: bool) -> JobOutcome:
    stored = job.folder.state == "complete" and not force
    view.started(job)
    outcome = run_job(job, log, force=force, callback=pruning)
    view.ended(job, outcome.result, outcome.reason, stored=stored)
    return outcome


class PruningCallback(Callback):
    """Reports each epoch to Optuna and stops a run that Optuna prunes."""

    def __init__(self, trial: optuna.Trial, offset: int) -> None:
        """Take the trial, and the epochs of its runs before this one."""
        self._trial, self._offset = trial, offset

    def epoch_ended(self, record: EpochRecord) -> None:
        """Report the validation accuracy.

        Raises PrunedError when Optuna prunes the trial.
        """
        if len(self._trial.study.directions) > 1 or record.validation_accuracy is None:
            return
        self._trial.report(record.validation_accuracy, self._offset + record.epoch)
        if self._trial.should_prune():
            raise PrunedError(f"pruned after epoch {record.epoch}")


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    from optuna import samplers

    match name:
        case "random" | "grid":  # all trials of a grid are enqueued: nothing is drawn
            return samplers.RandomSampler(seed=seed)
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed)
        case _:
            return samplers.TPESampler(seed=seed)


def build_pruner(name: str) -> optuna.pruners.BasePruner:
    """Return the pruner that `study.pruner` names."""
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
        problems.append("a search needs a validation part other than the test part: split.validation above 0")
    if config.launch.executor != "inline":
        problems.append(f"launch must be inline in a search, got {config.launch.executor}")
    if study.choose:
        problems.append(f"study.choose must be null in a search, which tunes all settings itself, got {study.choose}")
    if study.objective == "accuracy_and_seconds" and study.pruner != "none":
        problems.append(f"study.pruner must be none where study.objective=accuracy_and_seconds, got {study.pruner}")
    if problems:
        raise ConfigError(problems)
