"""Which MLflow store a run belongs into, and whether it is whole there: known without opening the store."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sentiment_lab.config import PathsConfig, TrackingConfig
from sentiment_lab.files import read_plain, write_whole
from sentiment_lab.rundir import RunFolder

_MARK = "mirror.json"


def store_uri(tracking: TrackingConfig, paths: PathsConfig) -> str:
    """Return the store that the config, then MLFLOW_TRACKING_URI, then `paths.store` names."""
    # Absolute, because SQLite paths would else follow the current folder.
    local = f"sqlite:///{Path(paths.store).absolute() / 'mlflow.db'}"
    return tracking.uri or os.environ.get("MLFLOW_TRACKING_URI") or local


def experiment_name(study: str) -> str:
    """Return the experiment of a study; a run without a study of its own honours MLFLOW_EXPERIMENT_NAME."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", study) if study == "default" else study


def is_mirrored(folder: RunFolder, uri: str) -> bool:
    """Tell whether a complete run was mirrored whole to this store."""
    mark = read_plain(folder.path / _MARK)
    return mark.get("uri") == uri and mark.get("training") == _training(folder)


def mark_mirrored(folder: RunFolder, uri: str, run_id: str) -> None:
    """Remember that a complete run was mirrored whole."""
    mark = {"uri": uri, "run_id": run_id, "training": _training(folder)}
    write_whole(folder.path / _MARK, json.dumps(mark) + "\n")


def _training(folder: RunFolder) -> str | None:
    """Return what tells this training from that of another run, or of the same config before --force."""
    started = folder.started()
    return str(started["training"]) if started else None
