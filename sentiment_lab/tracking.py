"""The mirror in MLflow: the store, one run for each run, one parent for each sweep. Only this module imports mlflow."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

# MLflow cuts long values silently unless told not to; its progress bars have no place in our output.
os.environ.setdefault("MLFLOW_TRUNCATE_LONG_VALUES", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from sentiment_lab.config import PathsConfig, TrackingConfig
from sentiment_lab.errors import LabError
from sentiment_lab.identity import PACKAGE
from sentiment_lab.observer import Observer
from sentiment_lab.result import EpochRecord, Result

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset as SplitDataset
    from sentiment_lab.training import Outcome

DIGEST_LIMIT = 36
"""Characters of a dataset digest that MLflow takes."""
REASON_LIMIT = 5000
SYSTEM_METRICS_SECONDS = 2

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it the UI opens on its pages for language-model applications."""

EPOCH_METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "epoch_seconds",
    "tokens_per_second",
)


class TrackingError(LabError):
    """A store that cannot be used; the text names it."""


@dataclass(frozen=True)
class Store:
    """Where MLflow keeps its records."""

    uri: str
    artifacts: Path | None
    """Artifact folder of the local store; a server has its own."""

    @cached_property
    def client(self) -> MlflowClient:
        """The client of this store."""
        return MlflowClient(tracking_uri=self.uri)

    def experiment_id(self, name: str) -> str:
        """Return the id of an experiment, made and put at its place when it is missing."""
        if self.artifacts is None:
            return self._experiment_id(name, None)
        # The first use of an empty SQLite store creates its tables, and MLflow has no lock for that between processes.
        self.artifacts.mkdir(parents=True, exist_ok=True)
        with FileLock(self.artifacts.parent / "mlflow.lock", timeout=120):
            return self._experiment_id(name, self.artifacts.as_uri())

    def _experiment_id(self, name: str, location: str | None) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, location, EXPERIMENT_TAGS))
            except MlflowException:  # another client made it meanwhile
                found = self.client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise TrackingError(f"the MLflow experiment {name!r} was deleted in {self.uri}; restore it or rename study")
        return str(found.experiment_id)


def open_store(tracking: TrackingConfig, paths: PathsConfig) -> Store:
    """Return the store that the config, then MLFLOW_TRACKING_URI, then `paths.store` names; opens nothing yet."""
    uri = tracking.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if uri:
        return Store(uri, None)
    # Absolute, because SQLite and artifact paths would else follow the current folder.
    root = Path(paths.store).absolute()
    return Store(f"sqlite:///{root / 'mlflow.db'}", root / "artifacts")


def experiment_name(study: str) -> str:
    """Return the experiment of a study; a run without a study of its own honours MLFLOW_EXPERIMENT_NAME."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", study) if study == "default" else study


@dataclass(frozen=True)
class Facts:
    """What is known of a run before it trains, in MLflow's terms."""

    experiment: str
    name: str
    params: Mapping[str, Any]
    tags: Mapping[str, str]
    source: str
    """What the reviews came from, for a person."""
    parent: str | None = None


class Mirror(Observer):
    """Mirrors one run to MLflow. A store that fails is named once and left alone: the run goes on."""

    def __init__(
        self, store: Store, tracking: TrackingConfig, facts: Facts, folder: Path, warn: Callable[[str], None]
    ) -> None:
        self._store, self._tracking, self._facts, self._folder, self._warn = store, tracking, facts, folder, warn
        self._away: str | None = None
        self.run_id: str | None = None
        self._system: Any = None

    def started(self) -> None:
        """Create the run with its params, tags and dataset inputs."""
        self._guarded(self._start)

    def data_ready(self, dataset: SplitDataset) -> None:
        """Log the hashes and one dataset input for each part."""
        self._guarded(lambda: self._log_data(dataset))

    def epoch_ended(self, record: EpochRecord) -> None:
        """Log one epoch in one batch."""
        values = {name: getattr(record, name) for name in EPOCH_METRICS}
        self._guarded(lambda: self._log_metrics(values, record.epoch))

    def completed(self, outcome: Outcome) -> None:
        """Log the final numbers, figures, files and the model; mark the run finished."""
        self._guarded(lambda: self._complete(outcome.result))
        self._end("FINISHED")

    def stopped(self, status: str, reason: str) -> None:
        """Mark the run failed or killed, with the reason as a tag."""
        self._guarded(lambda: self._store.client.set_tag(self.run_id, "reason", reason[:REASON_LIMIT]))
        self._end({"failed": "FAILED", "killed": "KILLED"}[status])

    def _guarded(self, action: Callable[[], None]) -> None:
        if self._away or (self.run_id is None and action != self._start):
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001  # whatever a store raises, the run goes on
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            self._away = first
            self._warn(f"MLflow store {self._store.uri} failed ({first}); the run goes on in its folder")

    def _end(self, status: str) -> None:
        """Say how the run ended, and what the mirror lacks where the store failed on the way."""
        self._end_system_metrics()
        if self.run_id is None:
            return
        with suppress(Exception):  # a store that is still away was named before
            if self._away:
                self._store.client.set_tag(self.run_id, "mirror", f"incomplete: {self._away}"[:REASON_LIMIT])
            self._store.client.set_terminated(self.run_id, status)

    def _start(self) -> None:
        facts, client = self._facts, self._store.client
        tags = {**facts.tags, **_origin(), "host": socket.gethostname(), "process": str(os.getpid())}
        if facts.parent:
            tags["mlflow.parentRunId"] = facts.parent
        experiment = self._store.experiment_id(facts.experiment)
        self.run_id = client.create_run(experiment, tags=tags, run_name=facts.name).info.run_id
        params = [Param(key, str(value)) for key, value in facts.params.items()]
        client.log_batch(self.run_id, params=params)
        if self._tracking.system_metrics:
            self._start_system_metrics()

    def _log_data(self, dataset: SplitDataset) -> None:
        tags = [RunTag("data_hash", dataset.data_hash), RunTag("split_hash", dataset.split_hash)]
        self._store.client.log_batch(self.run_id, tags=tags)
        inputs = [
            _dataset_input(self._facts.source, dataset, part, counts) for part, counts in dataset.describe().items()
        ]
        self._store.client.log_inputs(self.run_id, datasets=inputs)

    def _complete(self, result: Result) -> None:
        assert self.run_id  # noqa: S101  # _guarded holds it
        client = self._store.client
        self._log_metrics(final_metrics(result), result.kept_epoch)
        tags = {
            "weights_digest": result.weights_digest,
            "execution_path": result.execution_path,
        }
        client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        for name in ("config.json", "overrides.yaml", "journal.jsonl", "result.json", "environment.txt", "code.diff"):
            if (self._folder / name).is_file():
                client.log_artifact(self.run_id, str(self._folder / name), "run")
        client.log_artifact(self.run_id, str(self._folder / "predictions.parquet"), "run")
        if self._tracking.figures:
            client.log_artifacts(self.run_id, str(self._folder / "figures"), "figures")
        if self._tracking.model:
            log_text_model(client, self.run_id, self._folder / "model", result.kept_epoch)

    def _log_metrics(self, values: Mapping[str, float | None], step: int) -> None:
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for name, value in values.items() if value is not None]
        self._store.client.log_batch(self.run_id, metrics=metrics)

    def _start_system_metrics(self) -> None:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._system = SystemMetricsMonitor(self.run_id, SYSTEM_METRICS_SECONDS, tracking_uri=self._store.uri)
        self._system.start()

    def _end_system_metrics(self) -> None:
        if self._system is not None:
            self._system.finish()
            self._system = None


class SweepParent:
    """The parent run of a sweep, which holds its jobs and its final table."""

    def __init__(self, store: Store, experiment: str, name: str, tags: Mapping[str, str]) -> None:
        self._store = store
        tags = {**tags, **_origin()}
        run = store.client.create_run(store.experiment_id(experiment), tags=tags, run_name=name)
        self.run_id: str = run.info.run_id

    def finish(self, status: str, description: str, tables: Mapping[str, str]) -> None:
        """Write the description (Markdown) and files by name, and mark the sweep finished, failed or killed."""
        client = self._store.client
        client.set_tag(self.run_id, "mlflow.note.content", description)
        for name, text in tables.items():
            client.log_text(self.run_id, text, name)
        client.set_terminated(self.run_id, status)


def _origin() -> dict[str, str]:
    """Return the tags that fill the columns `User` and `Source` of MLflow's tables."""
    tags = {"mlflow.source.name": "sentiment-lab", "mlflow.source.type": "LOCAL"}
    with suppress(KeyError, OSError):  # a container may run under a number that has no name
        tags["mlflow.user"] = getpass.getuser()
    return tags


def final_metrics(result: Result) -> dict[str, float | None]:
    """Return the metrics that a complete run has once."""
    return {
        "best_validation_accuracy": result.best_validation_accuracy,
        "best_epoch": result.best_epoch,
        "test_accuracy": result.test.accuracy,
        "test_loss": result.test.loss,
        "test_f1": result.test.f1,
        "test_roc_auc": result.test.roc_auc,
        "test_ece": result.test.ece,
        "parameters": result.parameters,
        "train_seconds": result.train_seconds,
        "predict_reviews_per_second": result.predict_reviews_per_second,
    }


def log_text_model(client: MlflowClient, run_id: str, folder: Path, step: int) -> None:
    """Log the model that takes raw text and gives label and probability, tied to the epoch that was kept."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    mlflow.set_tracking_uri(client.tracking_uri)
    # Made here, because MLflow would put the model of a run that is not its active one into the default experiment.
    run = client.get_run(run_id)
    model = client.create_logged_model(run.info.experiment_id, "model", run_id, params=run.data.params)
    # An example would make MLflow load the model and predict: seconds for each run. The type hint is one of its own.
    for message in (".*An input example was not provided", ".*Any type hint is inferred as AnyType"):
        warnings.filterwarnings("ignore", message=message)
    outputs = Schema([ColSpec("string", "label"), ColSpec("float", "probability")])
    Model.log(
        artifact_path=None,
        model_id=model.model_id,
        flavor=mlflow.pyfunc,
        run_id=run_id,
        step=step,
        loader_module="sentiment_lab.serving",
        data_path=str(folder),
        code_paths=[str(PACKAGE)],
        pip_requirements=serving_requirements(),
        signature=ModelSignature(inputs=Schema([ColSpec("string")]), outputs=outputs),
    )


def serving_requirements() -> list[str]:
    """Return the pinned distributions that the logged model needs."""
    from importlib.metadata import version

    names = ("filelock", "keras", "mlflow", "numpy", "pandas", "scikit-learn", "scipy", "tensorflow")
    return [f"{name}=={version(name)}" for name in names]


def _dataset_input(source: str, dataset: SplitDataset, part: str, counts: Mapping[str, Any]) -> DatasetInput:
    entity = Dataset(
        name=f"{Path(source).name} {part}",
        digest=dataset.data_hash[:DIGEST_LIMIT],
        source_type="local",
        source=json.dumps({"uri": source}),
        profile=json.dumps({**counts, "split_hash": dataset.split_hash}),
    )
    return DatasetInput(entity, tags=[InputTag("mlflow.data.context", part)])
