"""Mirroring one run folder to MLflow, by the run itself while it trains and by `sync` at any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from sentiment_lab.analysis.metrics import all_metrics
from sentiment_lab.config.identity import flatten, variant_of
from sentiment_lab.config.settings import TrackingConfig
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.journal import Event
from sentiment_lab.tracking.address import experiment_name
from sentiment_lab.tracking.marks import mark_mirrored
from sentiment_lab.tracking.model import log_text_model
from sentiment_lab.tracking.store import DeletedError, Store, checked_hash, origin_tags
from sentiment_lab.tracking.views import OPENED
from sentiment_lab.training.result import Result

DIGEST_LIMIT = 36
"""Characters that MLflow allows in a dataset digest."""
REASON_LIMIT = 5000
EPOCH_METRICS = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "epoch_seconds",
    "tokens_per_second",
)
STATUSES = {"completed": "FINISHED", "failed": "FAILED", "killed": "KILLED"}
FILES = (
    *("config.json", "overrides.yaml", "environment.txt", "code.diff", "journal.jsonl"),
    *("result.json", "predictions.parquet", "reproduction.json"),
)
"""Files of a run folder that are logged to the artifact folder `run`; they are all that `reproduce` needs."""


class RunMirror:
    """One run in the store. `push` writes what the store lacks and is idempotent.

    Metrics carry the times of the journal, so that metrics logged before a failure are recognised after it.
    """

    def __init__(self, store: Store, tracking: TrackingConfig, folder: RunFolder) -> None:
        self._store, self._tracking, self._folder = store, tracking, folder
        self._logged: set[tuple[str, int]] = set()
        self._done: set[str] = set()
        self.run_id, self._experiment = "", ""
        self.found = False
        """Whether the store already had the run."""

    def push(self, *, alive: bool) -> None:
        """Bring the store up to date with the folder; `alive` is whether the run is still training.

        Raises DeletedError when the run or its experiment was deleted, and the errors of MLflow when the store fails.
        """
        events = self._folder.events()
        first = self._folder.started()
        if first is None:
            return
        if not self.run_id:
            self._open(first, alive=alive)
        self._push_data(first, events)
        self._push_epochs(events)
        if alive:
            self._tag(heartbeat=datetime.now(UTC).isoformat(timespec="seconds"))
        else:
            self._push_end(first, events)

    def _open(self, first: Event, *, alive: bool) -> None:
        client = self._store.client
        self._store.prepare()
        found = self._store.find("training", first["training"])
        if found:
            self._store.check_active(found)
            experiment = str(found.info.experiment_id)
        else:
            experiment = self._store.experiment_id(experiment_name(first["study"]))
        tags = self._tags(first, experiment)
        # Set only once, because a person may edit the description.
        described = {**tags, "mlflow.note.content": self._description()}
        run: Run = found or client.create_run(experiment, _milliseconds(first), described, first["name"])
        run_id = str(run.info.run_id)
        settings = flatten({key: value for key, value in self._folder.config().items() if key != "schema"})
        params = [Param(key, str(value)) for key, value in settings.items()]
        client.log_batch(run_id, params=params, tags=[RunTag(key, value) for key, value in tags.items()])
        if found:
            self._remember(run, alive=alive)
        self.run_id, self._experiment, self.found = run_id, experiment, found is not None

    def _remember(self, run: Run, *, alive: bool) -> None:
        """Note what the store already has of this run."""
        client, run_id = self._store.client, run.info.run_id
        for name in EPOCH_METRICS:
            self._logged |= {(name, metric.step) for metric in client.get_metric_history(run_id, name)}
        self._logged |= {(name, -1) for name in run.data.metrics}
        if run.inputs.dataset_inputs:
            self._done.add("datasets")
        if alive and run.info.status != "RUNNING":
            client.update_run(run_id, status="RUNNING")
            if "reason" in run.data.tags:
                client.delete_tag(run_id, "reason")

    def _tags(self, first: Event, experiment: str) -> dict[str, str]:
        starts = [event for event in self._folder.events() if event["event"] == "started"]
        tags = {
            **{name: first[name] for name in ("training", "study", "architecture", "code_version", "env_version")},
            "config_hash": self._folder.config_hash,
            "variant_hash": variant_of(self._folder.config()),
            "variant": str(first["name"]).rpartition(" seed=")[0],
            "host": starts[-1]["host"],
            "process": str(starts[-1]["pid"]),
            **origin_tags(),
        }
        parent = self._store.find("sweep", first["sweep"]) if first.get("sweep") else None
        if parent and parent.info.experiment_id == experiment:  # MLflow shows no children of other experiments
            tags |= {"mlflow.parentRunId": parent.info.run_id, **OPENED}
        if first.get("reproduces"):
            tags["reproduces"] = first["reproduces"]
        return tags

    def _description(self) -> str:
        short = self._folder.short_hash
        return f"```\nsentiment-lab show {short}\nsentiment-lab reproduce {short}\n```"

    def _push_data(self, first: Event, events: Sequence[Event]) -> None:
        data = next((event for event in events if event["event"] == "data"), None)
        if data is None or "data" in self._done:
            return
        self._tag(data_hash=data["data_hash"], split_hash=data["split_hash"])
        if "datasets" not in self._done:
            inputs = [_dataset_input(first["source"], data, part) for part in data["parts"]]
            self._store.client.log_inputs(self.run_id, datasets=inputs)
        self._done.add("data")

    def _push_epochs(self, events: Sequence[Event]) -> None:
        for event in events:
            if event["event"] == "epoch":
                known = {name for name in EPOCH_METRICS if (name, event["epoch"]) in self._logged}
                values = {name: event[name] for name in EPOCH_METRICS if name not in known}
                self._log_metrics(values, event["epoch"], event)
                self._logged |= {(name, event["epoch"]) for name in EPOCH_METRICS}

    def _push_end(self, first: Event, events: Sequence[Event]) -> None:
        last = events[-1] if events[-1]["event"] in STATUSES else {**events[-1], "event": "killed"}
        self._store.client.set_terminated(self.run_id, STATUSES[last["event"]], _milliseconds(last))
        if last["event"] == "completed":
            self._push_result(self._folder.result(), last)
            self._delete_duplicates(first)
            mark_mirrored(self._folder, self._store.uri, self.run_id)
        else:
            self._tag(reason=str(last.get("reason", "its process died"))[:REASON_LIMIT])

    def _push_result(self, result: Result, last: Event) -> None:
        client = self._store.client
        values = {name: value for name, value in final_metrics(result).items() if (name, -1) not in self._logged}
        self._log_metrics(values, result.kept_epoch, last)
        self._logged |= {(name, -1) for name in values}
        self._tag(weights_digest=result.weights_digest, execution_path=result.execution_path)
        self.push_files()
        if self._folder.figures.is_dir():
            client.log_artifacts(self.run_id, str(self._folder.figures), "figures")
        if self._tracking.model and self._folder.model.is_dir():  # a user may delete it to save space
            log_text_model(client, self.run_id, self._folder.model, result.kept_epoch)

    def _delete_duplicates(self, first: Event) -> None:
        """Delete the runs that the server created when its answer was lost and the request was repeated."""
        condition = f"tags.training = '{checked_hash(first['training'])}'"
        for run in self._store.search(condition, [self._experiment]):
            if run.info.run_id != self.run_id and run.info.lifecycle_stage == "active":
                with suppress(MlflowException):  # a server may allow deletion only to the creator of the experiment
                    self._store.client.delete_run(run.info.run_id)

    def push_files(self) -> None:
        """Log the files of the run folder."""
        for name in FILES:
            if (self._folder.path / name).is_file():
                self._store.client.log_artifact(self.run_id, str(self._folder.path / name), "run")

    def _tag(self, **tags: str) -> None:
        self._store.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def _log_metrics(self, values: Mapping[str, float | None], step: int, event: Event) -> None:
        time_ms = _milliseconds(event)
        metrics = [Metric(name, value, time_ms, step) for name, value in values.items() if value is not None]
        if metrics:
            self._store.client.log_batch(self.run_id, metrics=metrics)


def catch_up(store: Store, tracking: TrackingConfig, folder: RunFolder, warn: Callable[[str], None]) -> bool:
    """Bring the store up to date with a run that no process trains; return whether that succeeded."""
    mirror = RunMirror(store, tracking, folder)
    try:
        store.retry(lambda: mirror.push(alive=False))
    except Exception as error:  # noqa: BLE001  # the caller continues with the next run
        named = "" if isinstance(error, DeletedError) else f"run {folder.short_hash}: "
        warn(f"{named}{store.message(error)}")
        return False
    return True


def final_metrics(result: Result) -> dict[str, float | None]:
    """Return the metrics that a complete run logs once: all metrics except those logged by epoch."""
    return {name: metric.value(result) for name, metric in all_metrics().items() if name not in EPOCH_METRICS}


def _milliseconds(event: Event) -> int:
    # MLflow refuses times before 1970, which a machine without a battery for its clock may have.
    return max(0, round(datetime.fromisoformat(event["time"]).timestamp() * 1000))


def _dataset_input(source: str, data: Event, part: str) -> DatasetInput:
    entity = Dataset(
        name=f"{Path(source).name} {part}",
        digest=data["data_hash"][:DIGEST_LIMIT],
        source_type="local",
        source=json.dumps({"uri": source}),
        profile=json.dumps({**data["parts"][part], "split_hash": data["split_hash"]}),
    )
    return DatasetInput(entity, tags=[InputTag("mlflow.data.context", part)])
