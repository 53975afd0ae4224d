"""What an MLflow store holds, read from its SQLite file, against what the folders of its runs say."""

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
"""Status of a logged model that is whole, in MLflow's table."""


@dataclass(frozen=True)
class Stored:
    """A store: its database, and where the files are that its addresses name."""

    database: Path
    artifacts: Callable[[str], Path] = lambda uri: Path(unquote(urlparse(uri).path))

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with closing(sqlite3.connect(self.database, timeout=60)) as database:
            return database.execute(query, values).fetchall()

    def mismatches(self, experiment: str, runs: Sequence[RunFolder], *, sweeps: int) -> list[str]:
        """Return what of complete runs and of their sweep is not in the experiment once, whole and equal."""
        return list(self._mismatches(experiment, runs, sweeps))

    def _mismatches(self, experiment: str, runs: Sequence[RunFolder], sweeps: int) -> Iterator[str]:
        found = self.rows(
            "select run_uuid, runs.name, status from runs join experiments using (experiment_id) "
            "where experiments.name = ? and runs.lifecycle_stage = 'active'",
            experiment,
        )
        if len(found) != len(runs) + sweeps:
            yield f"MLflow has {len(found)} runs, {len(runs)} jobs and {sweeps} parents were expected"
        yield from (f"{name} ({run_id}) is {state} in MLflow" for run_id, name, state in found if state != "FINISHED")
        ids = {run.short_hash: self._ids_of(run) for run in runs}
        children = [run_id for found_ids in ids.values() for run_id in found_ids]
        parents = [run_id for run_id, _, _ in found if run_id not in children]
        yield from self._parent_mismatches(parents, children, sweeps)
        for run in runs:
            if len(ids[run.short_hash]) == 1:
                yield from (f"{run.short_hash}: {text}" for text in self._run_mismatches(run, ids[run.short_hash][0]))
            else:
                yield f"{run.short_hash} is in MLflow {len(ids[run.short_hash])} times"

    def _ids_of(self, run: RunFolder) -> list[str]:
        found = self.rows("select run_uuid from tags where key = 'config_hash' and value = ?", run.config_hash)
        return [run_id for (run_id,) in found]

    def _parent_mismatches(self, parents: Sequence[str], children: Sequence[str], sweeps: int) -> Iterator[str]:
        of_children = dict(self.rows("select run_uuid, value from tags where key = 'mlflow.parentRunId'"))
        wanted = set(parents) if sweeps else {None}
        for run_id in children:
            if of_children.get(run_id) not in wanted:
                yield f"{run_id} has the parent {of_children.get(run_id)}"
        for run_id in parents:
            folder = self._folder("select artifact_uri from runs where run_uuid = ?", run_id)
            for name in ("jobs.json", "table.csv"):
                if not (folder / name).is_file():
                    yield f"the parent lacks {name}"

    def _run_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        yield from self._metric_mismatches(run, run_id)
        settings = flatten({key: value for key, value in run.config().items() if key != "schema"})
        params = dict(self.rows("select key, value from params where run_uuid = ?", run_id))
        if params != {key: str(value) for key, value in settings.items()}:
            yield "its params are not its config"
        inputs = self.rows("select source_id from inputs where destination_id = ? and source_type = 'DATASET'", run_id)
        if len(inputs) != len(_last(run, "data")["parts"]):
            yield f"{len(inputs)} dataset inputs"
        yield from self._file_mismatches(run, run_id)
        yield from self._model_mismatches(run, run_id)

    def _metric_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        query = "select key, step, value from metrics where run_uuid = ? and key not like 'system/%' order by key, step"
        found = self.rows(query, run_id)
        wanted = sorted((*_epoch_metrics(run), *_final_metrics(run)))
        for metric in sorted({*found, *wanted}):
            times, right = found.count(metric), wanted.count(metric)
            if times != right:
                yield f"metric {metric[0]} = {metric[2]} at step {metric[1]} is there {times} times instead of {right}"

    def _file_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        from sentiment_lab.tracking.run_mirror import FILES

        folder = self._folder("select artifact_uri from runs where run_uuid = ?", run_id)
        names = [name for name in FILES if (run.path / name).is_file()]
        pairs = {f"run/{name}": run.path / name for name in names}
        pairs |= {f"figures/{path.name}": path for path in run.figures.glob("*")}
        yield from _differing(folder, pairs)

    def _model_mismatches(self, run: RunFolder, run_id: str) -> Iterator[str]:
        condition = "where source_run_id = ? and lifecycle_stage = 'active'"
        found = self.rows(f"select status from logged_models {condition}", run_id)  # noqa: S608  # no one else's text
        if found != [(READY,)]:
            yield f"logged models with status {[status for (status,) in found]}, not one that is ready"
            return
        folder = self._folder(f"select artifact_location from logged_models {condition}", run_id)  # noqa: S608
        pairs = {f"data/model/{path.name}": path for path in run.model.glob("*")}
        yield from _differing(folder, pairs)
        if not (folder / "MLmodel").is_file():
            yield "its logged model lacks MLmodel"

    def _folder(self, query: str, run_id: str) -> Path:
        ((uri,),) = self.rows(query, run_id)
        return self.artifacts(uri)


def _differing(folder: Path, pairs: dict[str, Path]) -> Iterator[str]:
    for name, own in pairs.items():
        if not (folder / name).is_file():
            yield f"MLflow lacks {name}"
        elif (folder / name).read_bytes() != own.read_bytes():
            yield f"{name} in MLflow is not the folder's"


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
