"""What a store contains and what of it is missing, as plain data for `sentiment-lab doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow.entities import LoggedModel, Run

from sentiment_lab.tracking.database import local_folder
from sentiment_lab.tracking.store import DeletedError, Store


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One training, or the parent run of one sweep, as a store records it."""

    run_id: str
    """MLflow's id."""
    experiment: str
    """Id of its experiment."""
    name: str
    config_hash: str | None
    """None for the parent run of a sweep."""
    training: str | None
    sweep: str | None
    status: str
    """RUNNING, FINISHED, FAILED or KILLED."""
    deleted: DeletedError | None
    """What a user deleted, and how to restore it."""
    missing: str | None
    """Artifacts that the store had and that are gone: its files or its model."""
    host: str | None
    """The machine that trained it."""
    heartbeat: str | None
    """The last heartbeat, ISO 8601; None if there was none."""
    started: datetime
    is_reproduction: bool

    @property
    def last_seen(self) -> datetime:
        """The last heartbeat, or the start if there was none."""
        return datetime.fromisoformat(self.heartbeat) if self.heartbeat else self.started


@dataclass(frozen=True, kw_only=True)
class BrokenVersion:
    """A version of a registered model that cannot be loaded."""

    name: str
    version: str
    aliases: list[str]
    config_hash: str | None
    problem: str


def stored_runs(store: Store) -> list[StoredRun]:
    """Return the runs of a store that this package recorded, deleted ones last, otherwise oldest first.

    Raises MlflowException, and other errors, if the store fails.
    """
    models = _models(store)
    runs = [_plain(store, run, models) for run in store.search("attributes.run_name LIKE '%'") if _is_ours(run)]
    return sorted(runs, key=lambda run: run.deleted is not None)


def broken_versions(store: Store) -> Iterator[BrokenVersion]:
    """Yield the registered versions of a store's own models that cannot be loaded.

    Raises MlflowException if the store fails.
    """
    models = _models(store)
    for model in store.client.search_registered_models():
        for version in store.client.search_model_versions(f"name = '{model.name}'"):
            logged = str(version.source).removeprefix("models:/")
            problem = _model_problem(models.get(logged)) if logged.startswith("m-") else None
            if problem:
                aliases = [alias for alias, number in model.aliases.items() if str(number) == str(version.version)]
                yield BrokenVersion(
                    name=model.name,
                    version=str(version.version),
                    aliases=sorted(aliases),
                    config_hash=version.tags.get("config_hash"),
                    problem=problem,
                )


def mark_killed(store: Store, run: StoredRun) -> None:
    """Set the status of a run to KILLED."""
    store.client.set_terminated(run.run_id, "KILLED")


def _is_ours(run: Run) -> bool:
    return {"training", "config_hash"} <= set(run.data.tags) or "sweep" in run.data.tags


def _models(store: Store) -> dict[str, LoggedModel]:
    """Return the logged models of all experiments that are not deleted, by id."""
    models: dict[str, LoggedModel] = {}
    ids, token = store.experiment_ids(), None
    while True:
        page = store.client.search_logged_models(ids, page_token=token)
        models |= {str(model.model_id): model for model in page}
        token = page.token
        if not token:
            return models


def _model_problem(model: LoggedModel | None) -> str | None:
    if model is None:
        return "its model was deleted in MLflow"
    folder = local_folder(str(model.artifact_location))
    return f"its model is not at {folder}" if folder and not (folder / "MLmodel").is_file() else None


def _missing(run: Run, models: Mapping[str, LoggedModel]) -> str | None:
    folder = local_folder(str(run.info.artifact_uri))
    if run.info.status == "FINISHED" and folder and not (folder / "run" / "result.json").is_file():
        return f"its files are not at {folder}"
    outputs = run.outputs.model_outputs if run.outputs else []
    problems = [_model_problem(models.get(str(output.model_id))) for output in outputs]
    return problems[-1] if problems and all(problems) else None


def _plain(store: Store, run: Run, models: Mapping[str, LoggedModel]) -> StoredRun:
    tags = run.data.tags
    return StoredRun(
        run_id=run.info.run_id,
        experiment=str(run.info.experiment_id),
        name=run.info.run_name,
        config_hash=tags.get("config_hash"),
        training=tags.get("training"),
        sweep=tags.get("sweep"),
        status=run.info.status,
        deleted=store.deletion(run),
        missing=_missing(run, models) if "training" in tags else None,
        host=tags.get("host"),
        heartbeat=tags.get("heartbeat"),
        started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        is_reproduction="reproduces" in tags,
    )
