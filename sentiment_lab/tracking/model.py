"""Logging a run's model to MLflow: our code and the model's own files, no pickle."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema

from sentiment_lab.base.errors import first_line
from sentiment_lab.config.identity import SHORT
from sentiment_lab.config.resources import PACKAGE

READY = "READY"


def logged_models(client: MlflowClient, run_id: str) -> list[LoggedModel]:
    """Return the models of a run that are completely logged and whose files exist."""
    return [model for model in _all_models(client, run_id) if _is_complete(client, model)]


def _is_complete(client: MlflowClient, model: LoggedModel) -> bool:
    if model.status != READY:
        return False
    return any(item.path == "MLmodel" for item in client.list_logged_model_artifacts(model.model_id))


def load_problem(client: MlflowClient, model: LoggedModel) -> str | None:
    """Return why a logged model cannot be loaded and used; None if it can."""
    with default_store(client.tracking_uri):  # MLflow resolves `models:/ID` there
        try:
            mlflow.pyfunc.load_model(model.model_uri).predict(["a fine film"])
        except Exception as error:  # noqa: BLE001  # loading imports and runs other packages
            return first_line(error)
    return None


def _all_models(client: MlflowClient, run_id: str) -> list[LoggedModel]:
    experiment = client.get_run(run_id).info.experiment_id
    return list(client.search_logged_models([experiment], f"source_run_id = '{run_id}'"))


def log_text_model(client: MlflowClient, run_id: str, folder: Path, step: int) -> None:
    """Log the model in `folder`, which maps raw texts to label and probability; `step` is the kept epoch.

    A run has one model: a complete one is kept, unfinished ones of earlier attempts and those without files are
    discarded.
    """
    known = _all_models(client, run_id)
    if any(_is_complete(client, model) for model in known):
        return
    for model in known:
        _discard(client, model)
    # Created here, because without an active run MLflow would put the model into the default experiment.
    run = client.get_run(run_id)
    model = client.create_logged_model(run.info.experiment_id, "model", run_id, params=run.data.params)
    # With an input example MLflow would load the model and predict: seconds per run. The type hint is MLflow's own.
    for message in (".*An input example was not provided", ".*Any type hint is inferred as AnyType"):
        warnings.filterwarnings("ignore", message=message)
    outputs = Schema([ColSpec("string", "label"), ColSpec("float", "probability")])
    client.set_logged_model_tags(model.model_id, {"mlflow.note.content": _description(run, model.model_id)})
    with default_store(client.tracking_uri):
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


def _discard(client: MlflowClient, model: LoggedModel) -> None:
    # An unfinished model cannot be continued: MLflow ties a model to its run only once.
    try:
        client.delete_logged_model(model.model_id)
    except MlflowException:  # a server may allow deletion only to the creator of the experiment
        client.finalize_logged_model(model.model_id, "FAILED")


def _description(run: Run, model_id: str) -> str:
    """Return the model's description in Markdown."""
    return (
        f"The model of `{run.info.run_name}`: takes reviews, returns label and probability of a positive review.\n\n"
        f'```python\nmlflow.pyfunc.load_model("models:/{model_id}").predict(["a fine film"])\n```\n\n'
        f"`sentiment-lab promote {run.data.tags['config_hash'][:SHORT]} --as champion` registers it."
    )


@contextmanager
def default_store(uri: str) -> Iterator[None]:
    """Set MLflow's default store in the block, without the environment variable that child processes would inherit."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def serving_requirements() -> list[str]:
    """Return the pinned distributions that the logged model needs."""
    from importlib.metadata import version

    names = ("filelock", "keras", "mlflow", "numpy", "pandas", "scikit-learn", "scipy", "tensorflow")
    return [f"{name}=={version(name)}" for name in names]
