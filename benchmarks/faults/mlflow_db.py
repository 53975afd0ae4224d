"""Compares an MLflow store, read from its SQLite file, with the run folders that it mirrors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from sentiment_lab.config.identity import flatten
from sentiment_lab.runs.folder import RunFolder

READY = 2
"""Status of a complete logged model in MLflow's table."""


@dataclass(frozen=True)
class MlflowDatabase:
    """A store: its database, and the mapping from artifact URIs to files."""

    database: Path
    artifacts: Callable[[str], Path] = lambda uri: Path(unquote(urlparse(uri).path))

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with closing(sqlite3.connect(self.database, timeout=60)) as database:
            return database.execute(query, values).fetchall()

    def mismatches(self, experiment: str, runs: Sequence[RunFolder], *, sweeps: int) -> list[str]:
        """Return the differences between complete runs (and their sweeps' parent runs) and the experiment."""
        return list(self._mismatches(experiment, runs, sweeps))

    def _mismatches(self, experiment: str, runs: Sequence[RunFolder], sweeps: int) -> Iterator[str]:
        stored = self.rows(
            "select run_uuid, runs.name, status from runs join experiments using (experiment_id) "
            "where experiments.name = ? and runs.lifecycle_stage = 'active'",
            experiment,
        )
        if len(stored) != len(runs) + sweeps:
            yield f"MLflow has {len(stored)} runs instead of {len(runs)} jobs and {sweeps} parents"
        yield from (f"{name} ({run_id}) is {state} in MLflow" for run_id, name, state in stored if state != "FINISHED")
        ids = {run.short_hash: self._ids_of(run) for run in runs}
        children = [run_id for run_ids in ids.values() for run_id in run_ids]
        parents = [run_id for run_id, _, _ in stored if run_id not in children]
        yield from self._parent_mismatches(parents, children, sweeps)
        for run in runs:
            if len(ids[run.short_hash]) == 1:
                yield from (f"{run.short_hash}: {text}" for text in self._run_mismatches(run, ids[run.short_hash][0]))
            else:
                yield f"{run.short_hash} is in MLflow {len(ids[run.short_hash])} times"

    def _ids_of(self, run: RunFolder) -> list[str]:
        rows = self.rows("select run_uuid from tags where key = 'config_hash' and value = ?", run.config_hash)
        return [run_id for (run_id,) in rows]

    def _parent_mismatches(self, parents: Sequence[str], children: Sequence[str], sweeps: int) -> Iterator[str]:
        parent_of = dict(self.rows("select run_uuid, value from tags where key = 'mlflow.parentRunId'"))
        expected = set(parents) if sweeps else {None}
        for run_id in children:
            if parent_of.get(run_id) not in expected:
                yield f"{run_id} has the parent {parent_of.get(run_id)}"
        for run_id in parents:
            folder = self._folder("select artifact_uri from runs where run_uuid = ?", run_id)
            for name in ("jobs.json", "table.csv"):
                if not (folder / name).is_file():
                    yield f"{name} is missing in the parent run"

    def _run_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        yield from self._metric_mismatches(run, run_id)
        settings = flatten({key: value for key, value in run.config().items() if key != "schema"})
        params = dict(self.rows("select key, value from params where run_uuid = ?", run_id))
        if params != {key: str(value) for key, value in settings.items()}:
            yield "its params differ from its config"
        inputs = self.rows("select source_id from inputs where destination_id = ? and source_type = 'DATASET'", run_id)
        if len(inputs) != len(_last(run, "data")["parts"]):
            yield f"{len(inputs)} dataset inputs"
        yield from self._file_mismatches(run, run_id)
        yield from self._model_mismatches(run, run_id)

    def _metric_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        query = "select key, step, value from metrics where run_uuid = ? and key not like 'system/%' order by key, step"
        stored = self.rows(query, run_id)
        expected = sorted((*_epoch_metrics(run), *_final_metrics(run)))
        for metric in sorted({*stored, *expected}):
            if stored.count(metric) != expected.count(metric):
                name, step, value = metric
                times = f"{stored.count(metric)} times instead of {expected.count(metric)}"
                yield f"metric {name} = {value} at step {step} is stored {times}"

    def _file_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        from sentiment_lab.tracking.run_mirror import FILES

        folder = self._folder("select artifact_uri from runs where run_uuid = ?", run_id)
        names = [name for name in FILES if (run.path / name).is_file()]
        pairs = {f"run/{name}": run.path / name for name in names}
        pairs |= {f"figures/{path.name}": path for path in run.figures.glob("*")}
        yield from _file_differences(folder, pairs)

    def _model_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        condition = "where source_run_id = ? and lifecycle_stage = 'active'"
        models = self.rows(f"select status from logged_models {condition}", run_id)  # noqa: S608  # our own text
        if models != [(READY,)]:
            yield f"logged models with status {[status for (status,) in models]} instead of one that is ready"
            return
        folder = self._folder(f"select artifact_location from logged_models {condition}", run_id)  # noqa: S608
        pairs = {f"data/model/{path.name}": path for path in run.model.glob("*")}
        yield from _file_differences(folder, pairs)
        if not (folder / "MLmodel").is_file():
            yield "MLmodel is missing in its logged model"

    def _folder(self, query: str, run_id: str) -> Path:
        ((uri,),) = self.rows(query, run_id)
        return self.artifacts(uri)


def _file_differences(folder: Path, pairs: dict[str, Path]) -> Iterator[str]:
    for name, own in pairs.items():
        if not (folder / name).is_file():
            yield f"{name} is missing in MLflow"
        elif (folder / name).read_bytes() != own.read_bytes():
            yield f"{name} in MLflow differs from the run folder"


def _epoch_metrics(run: RunFolder) -> Iterator[tuple[str, int, float]]:
    from sentiment_lab.tracking.run_mirror import EPOCH_METRICS

    for event in run.events():
        if event["event"] == "epoch":
            yield from ((name, event["epoch"], event[name]) for name in EPOCH_METRICS if event[name] is not None)


def _final_metrics(run: RunFolder) -> Iterator[tuple[str, int, float]]:
    from sentiment_lab.tracking.run_mirror import final_metrics

    result = run.result()
    values = final_metrics(result).items()
    yield from ((name, result.kept_epoch, float(value)) for name, value in values if value is not None)


def _last(run: RunFolder, name: str) -> dict[str, Any]:
    return next(event for event in reversed(run.events()) if event["event"] == name)
