"""What a store contains and whether it is usable, as plain data for `sentiment-lab doctor`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow.entities import Run

from sentiment_lab.tracking.store import Store


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One training as a store records it."""

    run_id: str
    """MLflow's id."""
    name: str
    config_hash: str
    status: str
    """RUNNING, FINISHED, FAILED or KILLED."""
    is_deleted: bool
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


def stored_runs(store: Store) -> dict[str, StoredRun]:
    """Return the runs of a store that this package recorded, by the id of their training, oldest first.

    Raises MlflowException, and other errors, if the store fails.
    """
    runs = store.search("attributes.run_name LIKE '%'")
    return {run.data.tags["training"]: _plain(run) for run in runs if {"training", "config_hash"} <= set(run.data.tags)}


def mark_killed(store: Store, run: StoredRun) -> None:
    """Set the status of a run to KILLED."""
    store.client.set_terminated(run.run_id, "KILLED")


def sqlite_problem(database: Path) -> str | None:
    """Return why a SQLite database cannot be used, such as "cannot be written: database is locked", or None."""
    try:
        with closing(sqlite3.connect(database, timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return None if answer == "ok" else f"is damaged: {answer}"
    except sqlite3.Error as error:
        return f"cannot be written: {error}"


def _plain(run: Run) -> StoredRun:
    tags = run.data.tags
    return StoredRun(
        run_id=run.info.run_id,
        name=run.info.run_name,
        config_hash=tags["config_hash"],
        status=run.info.status,
        is_deleted=run.info.lifecycle_stage != "active",
        host=tags.get("host"),
        heartbeat=tags.get("heartbeat"),
        started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        is_reproduction="reproduces" in tags,
    )
