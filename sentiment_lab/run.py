"""One run, from its config to a complete folder and its mirror in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sentiment_lab.config import Config, GeneratedData, architecture
from sentiment_lab.identity import (
    code_version,
    config_hash,
    env_version,
    environment,
    flatten,
    identity_of,
    variant_hash,
)
from sentiment_lab.observer import Observer, Observers
from sentiment_lab.progress import build_progress, say
from sentiment_lab.rundir import Journal, RunError, RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentiment_lab.result import Result
    from sentiment_lab.training import Outcome


@dataclass(frozen=True)
class Job:
    """A config to run, how it was asked for, and what sets it apart from its siblings, seeds aside."""

    config: Config
    overrides: Sequence[str]
    variant: str

    @property
    def name(self) -> str:
        """The name of its run."""
        return f"{self.variant} seed={self.config.seed}"

    @property
    def folder(self) -> RunFolder:
        """The folder of its run."""
        return RunFolder.of(self.config)

    @property
    def command(self) -> str:
        """The command that runs this job alone."""
        import shlex

        return shlex.join(["sentiment-lab", "train", *self.overrides])


def cache_folder(config: Config) -> Path:
    """Return where downloads and encoded reviews are kept."""
    return Path(config.paths.cache or platformdirs.user_cache_dir("sentiment_lab")).absolute()


def execute(job: Job, *, parent: str | None = None, force: bool = False) -> Result:
    """Run a job, or return the stored result where it is complete and its data is still the same.

    `parent` is the MLflow run of the sweep. Raises ConfigError, DataError and RunError for what the user can mend,
    TrainingError where training cannot go on; the reason is in the journal and in MLflow before any of them leaves.
    """
    folder = job.folder
    with folder.locked():
        if folder.state == "complete" and not force:
            return _stored(job, folder)
        code, facts = code_version(), environment()
        folder.prepare(job.config, job.overrides, code, facts)
        observer = Observers(_observers(job, folder, parent, code.version, env_version(facts)))
        with _truthful(observer):
            return _train(job, folder, observer)


def _train(job: Job, folder: RunFolder, observer: Observer) -> Result:
    from sentiment_lab.data.dataset import build_dataset
    from sentiment_lab.training import train_and_evaluate

    config = job.config
    observer.started()
    dataset = build_dataset(config, cache_folder(config))
    observer.data_ready(dataset)
    outcome = train_and_evaluate(config, dataset, observer)
    folder.write_outcome(outcome, _figures(job, outcome))
    observer.completed(outcome)
    return outcome.result


def _figures(job: Job, outcome: Outcome) -> Callable[[Path], None] | None:
    if not job.config.tracking.figures:
        return None

    def draw(folder: Path) -> None:
        from sentiment_lab.analysis.figures import run_figures, save_figures

        test = outcome.predictions["test"]
        figures = run_figures(
            job.name,
            outcome.result,
            labels=test.labels,
            probabilities=test.probabilities,
            lengths=test.lengths,
        )
        save_figures(figures, folder)

    return draw


def _stored(job: Job, folder: RunFolder) -> Result:
    from sentiment_lab.data.corpus import load_corpus

    result = folder.result()
    now = load_corpus(job.config.data, cache_folder(job.config)).data_hash
    if now != result.data_hash:
        raise RunError(
            f"run {folder.short_hash} was trained on other reviews (data_hash {result.data_hash[:12]}) than are there "
            f"now ({now[:12]}); give these a run of their own with data.expect={now}, or replace it with --force"
        )
    return result


@contextmanager
def _truthful(observer: Observer) -> Iterator[None]:
    """Tell the observers how a run ended that did not complete, whatever ended it."""
    try:
        yield
    except Exception as error:
        observer.stopped("failed", f"{type(error).__name__}: {error}")
        raise
    except BaseException as error:
        observer.stopped("killed", str(error) or "interrupted from the keyboard")
        raise


def _observers(job: Job, folder: RunFolder, parent: str | None, code: str, env: str) -> list[Observer]:
    observers: list[Observer] = [Journal(folder, job.config.study.name, job.name), build_progress(job.config.launch)]
    if job.config.tracking.enabled:
        observers.append(_mirror(job, folder, parent, code, env))
    return observers


def _mirror(job: Job, folder: RunFolder, parent: str | None, code: str, env: str) -> Observer:
    from sentiment_lab.tracking import Facts, Mirror, experiment_name, open_store

    config = job.config
    facts = Facts(
        experiment=experiment_name(config.study.name),
        name=job.name,
        params=flatten(identity_of(config)),
        tags={
            "config_hash": config_hash(config),
            "variant_hash": variant_hash(config),
            "code_version": code,
            "env_version": env,
            "study": config.study.name,
            "architecture": architecture(config.model),
        },
        source=data_source(config),
        parent=parent,
    )
    return Mirror(open_store(config.tracking, config.paths), config.tracking, facts, folder.path, say)


def data_source(config: Config) -> str:
    """Return what the reviews came from, for a person."""
    if isinstance(config.data, GeneratedData):
        return "generated"
    return config.data.path or "imdb"
