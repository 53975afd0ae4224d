"""Runs in a store: finding one by its hash, fetching it into a folder, tagging it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import Run, RunTag

from sentiment_lab.base.files import storage_errors
from sentiment_lab.config.identity import SHORT
from sentiment_lab.runs.folder import AmbiguousHashError, RunError, RunFolder
from sentiment_lab.tracking.run_mirror import FILES
from sentiment_lab.tracking.store import Store, checked_hash


def fetch_run(store: Store, prefix: str, root: Path) -> RunFolder:
    """Copy the stored files of the complete run whose hash begins with `prefix` into a folder below `root`.

    The digests of the files are checked when they are read. Raises RunError when the store has no such run or several,
    MlflowException when the store fails.
    """
    store.prepare()
    run = _find(store, prefix)
    files = _files(store, run)
    folder = RunFolder(root / run.data.tags["config_hash"][:SHORT])
    with storage_errors(folder.path), TemporaryDirectory() as scratch:
        folder.path.mkdir(parents=True)
        for name in FILES:
            if name in files:
                path = store.client.download_artifacts(run.info.run_id, f"run/{name}", scratch)
                shutil.copyfile(path, folder.path / name)
    return folder


def _files(store: Store, run: Run) -> set[str]:
    """Return the names of the files that a store has from a run's folder.

    Raises RunError when there are none.
    """
    files = {Path(item.path).name for item in store.client.list_artifacts(run.info.run_id, "run")}
    if "result.json" not in files:
        short, location = run.data.tags["config_hash"][:SHORT], run.info.artifact_uri
        raise RunError(
            f"{store.uri} has the run {short}, but its files are not at {location}: copy them there, or serve the "
            "store where they are with `sentiment-lab ui` and set tracking.uri=http://..."
        )
    return files


def tag_training(store: Store, training: str, tags: Mapping[str, str], file: Path | None = None) -> None:
    """Set tags on the run of one training and log a file to it, if the store has the run."""
    store.prepare()
    for run in store.search(f"tags.training = '{checked_hash(training)}'"):
        store.client.log_batch(run.info.run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        if file:
            store.client.log_artifact(run.info.run_id, str(file), "run")


def _find(store: Store, prefix: str) -> Run:
    condition = f"tags.config_hash LIKE '{checked_hash(prefix)}%' AND attributes.status = 'FINISHED'"
    runs = [run for run in store.search(condition) if run.info.lifecycle_stage == "active"]
    runs = [run for run in runs if re.fullmatch(r"[0-9a-f]{64}", run.data.tags["config_hash"])]
    hashes = {run.data.tags["config_hash"][:SHORT] for run in runs}
    if len(hashes) > 1:
        names = ", ".join(sorted(hashes))
        raise AmbiguousHashError(f"{prefix!r} is the prefix of several runs in {store.uri}: {names}")
    if not runs:
        raise RunError(f"no complete run {prefix!r} in {store.uri}")
    first = [run for run in runs if "reproduces" not in run.data.tags]
    return (first or runs)[0]
