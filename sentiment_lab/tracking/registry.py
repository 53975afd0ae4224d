"""The model registry of a store: registering a run's model as a version, and setting its alias."""

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
from sentiment_lab.tracking.model import default_store, load_problem, logged_models
from sentiment_lab.tracking.run_mirror import RunMirror
from sentiment_lab.tracking.store import Store, TrackingError

COPIED = ("config_hash", "variant", "data_hash", "split_hash", "study")
"""Tags of the run that are copied to its version; `test_accuracy` comes from the metrics."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a registered model."""

    name: str
    version: str
    run_id: str
    source: str
    """Address of the logged model."""
    tags: Mapping[str, str]


def promote_model(
    store: Store, tracking: TrackingConfig, folder: RunFolder, name: str, alias: str
) -> tuple[Version, Version | None]:
    """Register a complete run's model, unless it is registered already, and set an alias on its version.

    A run or model that the store lacks is mirrored first. Returns the version, and the other version that had the alias
    before, if any. Raises DeletedError when the run was deleted in the store, TrackingError when its model cannot be
    loaded from there, MlflowException when the store fails.
    """
    client = store.client
    store.prepare()
    run, model = _logged(store, tracking, folder)
    if problem := load_problem(client, model):
        raise TrackingError(f"run {folder.short_hash} is not promoted: its model in {store.uri} fails: {problem}")
    version = _registered(store, run, model, name)
    before = _holder(client, name, alias)  # only now: a server with passwords denies access to a missing model
    client.set_registered_model_alias(name, alias, version.version)
    moved = before if before and before.version != version.version else None
    return _plain(client.get_model_version(name, version.version)), moved and _plain(moved)


def copy_registry(
    source: Store, target: Store, tracking: TrackingConfig, folders: Mapping[str, RunFolder]
) -> tuple[int, list[str]]:
    """Register the versions of one store in another, oldest first; `folders` are the run folders by training id.

    Returns the number of versions that the target has now, and a message for each version or alias not copied. An alias
    that the target has on another version is not moved. Raises MlflowException when a store fails.
    """
    copied, skipped = 0, []
    for model in source.client.search_registered_models():
        versions = source.client.search_model_versions(f"name = '{model.name}'")
        for version in sorted(versions, key=lambda version: int(version.version)):
            training = source.client.get_run(str(version.run_id)).data.tags.get("training", "")
            if training not in folders:
                skipped.append(f"{model.name} version {version.version} was not copied: its run has no folder here")
                continue
            try:
                registered = _registered(target, *_logged(target, tracking, folders[training]), model.name)
            except TrackingError as error:
                skipped.append(f"{model.name} version {version.version} was not copied: {error}")
                continue
            copied += 1
            wanted = [alias for alias, number in model.aliases.items() if str(number) == str(version.version)]
            for alias in wanted:
                holder = _holder(target.client, model.name, alias)
                if holder is None:
                    target.client.set_registered_model_alias(model.name, alias, registered.version)
                elif holder.version != registered.version:
                    skipped.append(
                        f"the alias {alias} of {model.name} stays on version {holder.version} there; move it to "
                        f"version {registered.version} with: sentiment-lab promote {folders[training].short_hash} "
                        f"--as {alias} --name {model.name} tracking.uri={target.uri}"
                    )
    return copied, skipped


def _registered(store: Store, run: Run, model: LoggedModel, name: str) -> ModelVersion:
    """Return the version of a run's model, registered if it is not yet."""
    version = _version(store.client, run, model, name)
    for key, value in _tags(run).items():
        store.client.set_model_version_tag(name, version.version, key, value)
    return version


def _logged(store: Store, tracking: TrackingConfig, folder: RunFolder) -> tuple[Run, LoggedModel]:
    """Return run and model in the store, mirrored from the folder if either is missing."""
    logged = _find_logged(store, folder)
    if not logged:
        RunMirror(store, replace(tracking, model=True), folder).push(alive=False)
        logged = _find_logged(store, folder)
    if not logged:
        reason = "" if folder.model.is_dir() else f": {folder.model} is missing; --force retrains it"
        raise TrackingError(f"the model of run {folder.short_hash} could not be logged in {store.uri}{reason}")
    return logged


def _find_logged(store: Store, folder: RunFolder) -> tuple[Run, LoggedModel] | None:
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
    with default_store(client.tracking_uri):  # MLflow resolves `models:/ID` there
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
        # The first code means an unknown model, the second an unknown alias.
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
