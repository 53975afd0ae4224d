"""The store's model registry: a run's model becomes a version of a registered model and gets an alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode

from sentiment_lab.config.settings import TrackingConfig
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.tracking.model import default_store, logged_models
from sentiment_lab.tracking.run_mirror import RunMirror
from sentiment_lab.tracking.store import Store, TrackingError

COPIED = ("config_hash", "variant", "data_hash", "split_hash", "study")
"""Tags of the run that its version has too; `test_accuracy` comes from the metrics."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a registered model; what its tags do not say is empty."""

    name: str
    version: str
    run_id: str
    source: str
    """Address of the logged model."""
    tags: Mapping[str, str]


def promote_model(
    store: Store, tracking: TrackingConfig, folder: RunFolder, name: str, alias: str
) -> tuple[Version, Version | None]:
    """Register a complete run's model, unless it is a version already, and set an alias on that version.

    A run or a model that the store lacks is mirrored first. Returns the version and the other one that had the alias.
    Raises TrackingError when the run was deleted in the store, MlflowException when the store fails.
    """
    client = store.client
    version = _registered(store, tracking, folder, name)
    before = _holder(client, name, alias)  # after that, because a server with passwords denies what is not there
    client.set_registered_model_alias(name, alias, version.version)
    moved = before if before and before.version != version.version else None
    return _plain(client.get_model_version(name, version.version)), moved and _plain(moved)


def copy_registry(
    source: Store, target: Store, tracking: TrackingConfig, folders: Mapping[str, RunFolder]
) -> tuple[int, list[str]]:
    """Register in another store what is registered in this one, oldest version first; `folders` go by their training.

    Returns the number of versions that are there now, and a line for each thing that was left: an alias that the other
    store has given to another version stays where it is. Raises MlflowException when a store fails.
    """
    copied, left = 0, []
    for model in source.client.search_registered_models():
        versions = source.client.search_model_versions(f"name = '{model.name}'")
        for version in sorted(versions, key=lambda version: int(version.version)):
            training = source.client.get_run(str(version.run_id)).data.tags.get("training", "")
            if training not in folders:
                left.append(f"{model.name} version {version.version} was left: its run has no folder here")
                continue
            try:
                there = _registered(target, tracking, folders[training], model.name)
            except TrackingError as error:
                left.append(f"{model.name} version {version.version} was left: {error}")
                continue
            copied += 1
            wanted = [alias for alias, number in model.aliases.items() if str(number) == str(version.version)]
            for alias in wanted:
                holder = _holder(target.client, model.name, alias)
                if holder is None:
                    target.client.set_registered_model_alias(model.name, alias, there.version)
                elif holder.version != there.version:
                    left.append(
                        f"the {alias} of {model.name} stays version {holder.version} there, not {there.version}: "
                        f"sentiment-lab promote {folders[training].short_hash} --as {alias} --name {model.name} "
                        f"tracking.uri={target.uri} moves it"
                    )
    return copied, left


def _registered(store: Store, tracking: TrackingConfig, folder: RunFolder, name: str) -> ModelVersion:
    """Return the version that a run's model is, made where it is none."""
    run, model = _logged(store, tracking, folder)
    version = _version(store.client, run, model, name)
    for key, value in _tags(run).items():
        store.client.set_model_version_tag(name, version.version, key, value)
    return version


def _logged(store: Store, tracking: TrackingConfig, folder: RunFolder) -> tuple[Run, LoggedModel]:
    """Return run and model as the store has them, mirrored from the folder where either is missing."""
    found = _found(store, folder)
    if not found:
        RunMirror(store, replace(tracking, model=True), folder).push(alive=False)
        found = _found(store, folder)
    if not found:
        why = "" if folder.model.is_dir() else f": {folder.model} is not there, --force trains it again"
        raise TrackingError(f"the model of run {folder.short_hash} could not be logged in {store.uri}{why}")
    return found


def _found(store: Store, folder: RunFolder) -> tuple[Run, LoggedModel] | None:
    started = folder.started() or {}
    for run in store.search(f"tags.training = '{started['training']}'"):
        models = logged_models(store.client, run.info.run_id) if run.info.lifecycle_stage == "active" else []
        if models and run.info.status == "FINISHED":
            return run, models[0]
    return None


def _version(client: MlflowClient, run: Run, model: LoggedModel, name: str) -> ModelVersion:
    run_id = run.info.run_id
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        if version.name == name and version.source == model.model_uri:
            return version
    try:
        client.create_registered_model(name, description="Raw English reviews in, label and probability out.")
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    accuracy = run.data.metrics.get("test_accuracy", float("nan"))
    description = f"{run.info.run_name}: test accuracy {100 * accuracy:.2f} %"
    with default_store(client.tracking_uri):  # where MLflow looks for what `models:/ID` means
        return client.create_model_version(
            name, model.model_uri, run_id, _tags(run), description=description, model_id=model.model_id
        )


def _tags(run: Run) -> dict[str, str]:
    accuracy = run.data.metrics.get("test_accuracy")
    tags = {key: run.data.tags[key] for key in COPIED if key in run.data.tags}
    return tags if accuracy is None else {**tags, "test_accuracy": repr(accuracy)}


def _holder(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Return the version that has an alias now."""
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        # A name that is not known is the one, an alias that is not the other.
        if error.error_code in (ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _plain(version: ModelVersion) -> Version:
    return Version(
        name=version.name,
        version=str(version.version),
        run_id=str(version.run_id),
        source=str(version.source),
        tags=dict(version.tags),
    )
