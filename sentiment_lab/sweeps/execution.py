"""Executing one job: from its config to a complete run folder and its mirror in MLflow, over any number of attempts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.portable import require_portable
from sentiment_lab.config.identity import config_hash
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.config.settings import Config, GeneratedData, architecture
from sentiment_lab.runs.folder import RunError, RunFolder
from sentiment_lab.runs.integrity import find_damage
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.journal_callback import JournalCallback
from sentiment_lab.runs.provenance import CodeVersion, Difference, code_version, differences, env_version, environment
from sentiment_lab.runs.writing import begin_run, drop_checkpoints, restore_first_files, write_outcome
from sentiment_lab.sweeps.preparation import check_locations
from sentiment_lab.tracking.address import store_uri
from sentiment_lab.tracking.marks import is_mirrored
from sentiment_lab.training.callbacks import Callback, CallbackList
from sentiment_lab.training.checkpoint import CheckpointFolder
from sentiment_lab.training.progress import build_progress

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset
    from sentiment_lab.training.result import Result
    from sentiment_lab.training.train import Outcome


def execute(job: Job, *, force: bool = False, callback: Callback | None = None) -> Result:
    """Run a job, resume an interrupted one, or return the stored result of a complete one.

    `callback` is added to the run's own callbacks; `force` retrains a complete run. Raises ConfigError, DataError,
    DamageError and RunError for what the user can fix, TrainingError and StorageError where training cannot continue.
    The reason is in the journal and in MLflow before the error leaves this function.
    """
    folder = job.folder
    if folder.state != "complete" or force:
        check_locations(job.config)
        if job.config.launch.portable:
            require_portable()
    with folder.locked():
        if folder.state == "complete" and not force:
            return _stored(job, folder)
        metadata = _begin(job, folder, force=force)
        own = [JournalCallback(folder, metadata), *_callbacks(job, folder)]
        callbacks = CallbackList([*own, callback] if callback else own)
        with _report_end(callbacks):
            return _train(job, folder, callbacks)


def _begin(job: Job, folder: RunFolder, *, force: bool) -> dict[str, Any]:
    """Prepare the folder for its first or next attempt; return the metadata for the journal."""
    code, env = code_version(), environment(job.config.launch.threads)
    metadata: dict[str, Any] = {"code_version": code.version, "env_version": env_version(env)}
    damage = None if force else folder.journal.repair()
    if damage:
        print_message(
            f"{damage}; the damaged file is kept as journal.jsonl.damaged, the intact lines before the damage are used"
        )
    known = (job.config, job.overrides, code, env)
    if force or folder.started() is None:
        return {**_identity(job), **metadata, "files": begin_run(folder, *known)}
    for problem in find_damage(folder):
        print_message(f"  {problem}")
    changed = [str(difference) for difference in _changes(folder, code, env)]
    for difference in changed:
        print_message(f"  {difference}; the resumed run may differ from an uninterrupted one")
    return {**metadata, "differs": changed, "files": restore_first_files(folder, *known)}


def _identity(job: Job) -> dict[str, Any]:
    return {
        "training": uuid.uuid4().hex,
        "config_hash": config_hash(job.config),
        "study": job.config.study.name,
        "sweep": job.sweep,
        "name": job.name,
        "architecture": architecture(job.config.model),
        "source": data_source(job.config),
        "reproduces": job.reproduces,
    }


def _changes(folder: RunFolder, code: CodeVersion, env: dict[str, str]) -> list[Difference]:
    try:
        return differences(folder.environment(), {"code_version": code.version, **env})
    except LabError:
        print_message("  environment.txt cannot be read, so changes of code or versions are unknown")
        return []


def _train(job: Job, folder: RunFolder, callback: Callback) -> Result:
    from sentiment_lab.data.dataset import build_dataset
    from sentiment_lab.training.train import train_and_evaluate

    config = job.config
    callback.started()
    dataset = build_dataset(config, cache_folder(config))
    callback.data_ready(dataset)
    outcome = train_and_evaluate(config, dataset, callback, _checkpoints(folder, config, dataset))
    write_outcome(folder, outcome, _figures(job, outcome))
    callback.completed(outcome.result)
    return outcome.result


def _checkpoints(folder: RunFolder, config: Config, dataset: Dataset) -> CheckpointFolder:
    run = {"config": config_hash(config), "data": dataset.data_hash, "split": dataset.split_hash}
    return CheckpointFolder(folder.checkpoints, run, print_message)


def _figures(job: Job, outcome: Outcome) -> Callable[[Path], None] | None:
    if not job.config.tracking.figures:
        return None

    def draw(folder: Path) -> None:
        from sentiment_lab.analysis.plots.run_figures import run_figures, save_figures

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
    """Return the result of a complete run; finish what a process that died after writing it left undone."""
    result, journal = folder.result(), folder.journal.read()
    if journal.events and not journal.damage and not any(event["event"] == "completed" for event in journal.events):
        folder.journal.append("completed", weights_digest=result.weights_digest)
    drop_checkpoints(folder)
    for problem in find_damage(folder):
        raise RunError(f"run {folder.short_hash} is complete, but {problem}; --force retrains it")
    _check_order(job, result)
    _catch_up(job, folder)
    return result


def _check_order(job: Job, result: Result) -> None:
    """Raise RunError for a split by ranges of a file that has the reviews of the run in another order."""
    config = job.config
    if config.split.method != "article" or isinstance(config.data, GeneratedData):
        return
    from sentiment_lab.data.corpus import load_corpus
    from sentiment_lab.data.split import split_hash, split_reviews

    reviews = load_corpus(config.data, cache_folder(config)).reviews
    if split_hash(reviews, split_reviews(reviews, config.split)) != result.split_hash:
        raise RunError(
            f"run {job.folder.short_hash} is complete on another split: its file had the same reviews in another "
            "order; use that file, or replace the run with --force"
        )


def _catch_up(job: Job, folder: RunFolder) -> None:
    """Bring MLflow up to date with a complete run, unless the folder is marked as mirrored."""
    config = job.config
    if config.tracking.enabled and not is_mirrored(folder, store_uri(config.tracking, config.paths)):
        from sentiment_lab.tracking.run_mirror import catch_up
        from sentiment_lab.tracking.store import open_store

        catch_up(open_store(config.tracking, config.paths), config.tracking, folder, print_message)


@contextmanager
def _report_end(callback: Callback) -> Iterator[None]:
    """Call `stopped` with status and reason when an exception of any kind leaves the block."""
    try:
        yield
    except Exception as error:
        callback.stopped("failed", f"{type(error).__name__}: {error}")
        raise
    except BaseException as error:
        callback.stopped("killed", str(error) or "interrupted from the keyboard")
        raise


def _callbacks(job: Job, folder: RunFolder) -> list[Callback]:
    config = job.config
    callbacks: list[Callback] = [build_progress(config.launch)]
    if config.tracking.enabled:
        from sentiment_lab.tracking.mlflow_callback import MlflowCallback
        from sentiment_lab.tracking.store import open_store

        callbacks.append(
            MlflowCallback(open_store(config.tracking, config.paths), config.tracking, folder, print_message)
        )
    return callbacks


def data_source(config: Config) -> str:
    """Return where the reviews came from, as shown in the store."""
    if isinstance(config.data, GeneratedData):
        return "generated"
    return config.data.path or "imdb"
