"""The MLflow store: connecting, retrying, experiments, and finding runs by their tags."""

from __future__ import annotations

import getpass
import re
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Experiment, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service import utils as mlflow_cache
from requests import RequestException

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError, first_line
from sentiment_lab.base.files import UNFINISHED, atomic_path
from sentiment_lab.config.settings import PathsConfig, TrackingConfig
from sentiment_lab.tracking.address import SERVERS, sqlite_file, store_uri
from sentiment_lab.tracking.database import former_folders, open_problem, relocate
from sentiment_lab.tracking.views import view_tags

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without this tag the UI opens its pages for language-model applications."""

PATIENCE_SECONDS = 60.0
"""Seconds that all runs of a process together wait for an unreachable server, before they leave the rest to `sync`."""
RETRY_SECONDS = 3.0
_AUTOFLUSH = (
    "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block if this flush is "
    "occurring prematurely)"
)
"""The first line of some errors of SQLAlchemy, before the cause."""
CONNECT_SECONDS = 5.0
"""Seconds in which the server of a database must accept a connection."""
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
T = TypeVar("T")
_unreachable_since: dict[str, float] = {}
"""When a server first failed to answer, by its address."""


class TrackingError(LabError):
    """A store that cannot be used; the text names it."""


class DeletedError(TrackingError):
    """An experiment or run that a user deleted in MLflow. It stays deleted until the user restores it."""

    def __init__(self, problem: str, command: str, *, experiment: bool) -> None:
        self.problem, self.hint, self.experiment = problem, f"restore it with: {command}", experiment
        super().__init__(f"{problem}; {self.hint}")


@dataclass(frozen=True)
class Store:
    """A store of MLflow: a SQLite file, another database or a server."""

    uri: str
    artifacts: Path | None
    """Artifact folder of a local store; None for a server, which has its own."""

    @cached_property
    def client(self) -> MlflowClient:
        """The client of this store; a missing local store is created."""
        if self.file:
            _create(self.file)
        # MLflow would try for two minutes to open what cannot be opened.
        problem = open_problem(self.file) if self.file else _connection_problem(self.uri)
        if problem:
            raise TrackingError(f"MLflow store {self.uri} cannot be opened: {problem}")
        return MlflowClient(self.uri)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite store; None for another store."""
        return sqlite_file(self.uri)

    def prepare(self) -> None:
        """Make the store ready for writing: one that was copied or moved has its artifacts beside it from now on.

        Raises sqlite3.Error if the database cannot be written.
        """
        if self.file and self.file.is_file() and former_folders(self.file):
            former = relocate(self.file)
            mlflow_cache._artifact_repos_cache.clear()  # a copy has the same run ids as the original
            for folder in former:
                print_message(
                    f"the MLflow store was copied or moved from {folder} to {self.file.parent}: "
                    "from now on its artifacts are recorded there"
                )

    def retry(self, action: Callable[[], T]) -> T:
        """Call an idempotent action, again while the server is unreachable or another client interfered.

        Raises the last error after PATIENCE_SECONDS, and at once an error that waiting does not fix.
        """
        while True:
            try:
                done = action()
            except Exception as error:
                if not (self.is_away(error) or _is_race(error)):
                    raise
                since = _unreachable_since.setdefault(self.uri, time.monotonic())
                if time.monotonic() - since > PATIENCE_SECONDS:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                _unreachable_since.pop(self.uri, None)
                return done

    @property
    def is_missing(self) -> bool:
        """Whether it is a file that does not exist; `client` would create it."""
        return self.file is not None and not self.file.is_file()

    @property
    def is_server(self) -> bool:
        """Whether it is a server, reached by HTTP."""
        return self.uri.partition("://")[0] in SERVERS

    def is_away(self, error: Exception) -> bool:
        """Return whether an error means that the server, or its database, does not answer."""
        if not self.is_server:
            return False
        if isinstance(error, MlflowException):
            return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
        return isinstance(error, RequestException) and getattr(error.response, "status_code", 500) >= 500

    def message(self, error: Exception) -> str:
        """Return one line with the error of the store and, where known, how to fix it."""
        if isinstance(error, TrackingError):  # it names the store and what to do
            return first_line(error)
        hint = self.hint(error)
        return f"MLflow store {self.uri} failed: {summary(error)}" + (f"; {hint}" if hint else "")

    def hint(self, error: Exception) -> str | None:
        """Return how to fix an error of the store; None where unknown. MLflow's errors differ only in their text."""
        text = first_line(error)
        if "out-of-date database schema" in text:
            return f"back it up, then run: mlflow db upgrade {self.uri}"
        if "not authenticated" in text or "error code 401" in text:
            return "it needs a login: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        if "PERMISSION_DENIED" in text or "error code 403" in text:
            return "the administrator of the server can grant permission to edit: docs/server.md"
        return "start it, or set another store" if self.is_away(error) else None

    def experiment_id(self, name: str) -> str:
        """Return the id of an experiment, which is created with its views if missing.

        Raises DeletedError when it was deleted.
        """
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = None if self.artifacts is None else self.artifacts.as_uri()
            try:
                return str(self.client.create_experiment(name, location, {**EXPERIMENT_TAGS, **view_tags()}))
            except MlflowException:  # another client may have created it meanwhile
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise self._deleted_experiment(found)
        return str(found.experiment_id)

    def deleted_experiment(self, name: str) -> DeletedError | None:
        """Return the error of an experiment that was deleted; None if it is active or missing."""
        found = self.client.get_experiment_by_name(name)
        return self._deleted_experiment(found) if found and found.lifecycle_stage != "active" else None

    def check_active(self, run: Run) -> None:
        """Raise DeletedError when a run was deleted, alone or with its experiment."""
        if deleted := self.deletion(run):
            raise deleted

    def deletion(self, run: Run) -> DeletedError | None:
        """Return the error of a run that was deleted, alone or with its experiment; None if it was not."""
        if run.info.lifecycle_stage == "active":
            return None
        experiment = self.client.get_experiment(run.info.experiment_id)
        if experiment.lifecycle_stage != "active":
            return self._deleted_experiment(experiment)
        command = self._command(f"mlflow runs restore --run-id {run.info.run_id}")
        return DeletedError(f"run {run.info.run_name} was deleted in {self.uri}", command, experiment=False)

    def _deleted_experiment(self, found: Experiment) -> DeletedError:
        command = self._command(f"mlflow experiments restore --experiment-id {found.experiment_id}")
        problem = f"the MLflow experiment {found.name!r} was deleted with its runs in {self.uri}"
        return DeletedError(problem, command, experiment=True)

    def _command(self, command: str) -> str:
        return f"MLFLOW_TRACKING_URI={shlex.quote(self.uri)} {command}"

    def study_id(self, name: str | None) -> str | None:
        """Return the id of a study's experiment, by default of the one with the newest run; None without a run.

        Views that the experiment lacks are added.
        """
        experiments = self.client.search_experiments()
        ids = [experiment.experiment_id for experiment in experiments if name in (None, experiment.name)]
        newest = self.client.search_runs(ids, order_by=["attributes.start_time DESC"], max_results=1) if ids else []
        selected = str(newest[0].info.experiment_id) if newest else None
        for experiment in experiments:
            if experiment.experiment_id == selected:
                missing = {key: text for key, text in view_tags().items() if key not in experiment.tags}
                with suppress(MlflowException):  # a store that can only be read shows its runs without views
                    for key, text in missing.items():
                        self.client.set_experiment_tag(selected, key, text)
        return selected

    def find(self, tag: str, value: str) -> Run | None:
        """Return the run whose tag has this hash, in any experiment; a deleted one if there is no other."""
        runs = list(self.search(f"tags.`{tag}` = '{checked_hash(value)}'"))
        return min(runs, key=lambda run: run.info.lifecycle_stage != "active", default=None)

    def search(self, condition: str, experiments: list[str] | None = None) -> Iterator[Run]:
        """Yield all runs that meet a condition, deleted ones too, oldest first; by default of all experiments."""
        ids = self.experiment_ids() if experiments is None else experiments
        token = None
        while ids:
            page = self.client.search_runs(
                ids, condition, ViewType.ALL, order_by=["attributes.start_time ASC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def experiment_ids(self) -> list[str]:
        """Return the ids of all experiments, deleted ones too."""
        ids: list[str] = []
        token = None
        while True:
            page = self.client.search_experiments(ViewType.ALL, page_token=token)
            ids += [str(experiment.experiment_id) for experiment in page]
            token = page.token
            if not token:
                return ids


def _is_race(error: Exception) -> bool:
    """Return whether another client created the same row at the same time, as two runs with the same dataset do.

    MLflow passes on the text of the database's error without its type.
    """
    return any(name in str(error) for name in ("UniqueViolation", "UNIQUE constraint failed"))


def summary(error: Exception) -> str:
    """Return the text of an error without the URL of the request and the nested connection objects."""
    text = str(error).strip().removeprefix(_AUTOFLUSH).strip().partition("\n")[0] or type(error).__name__
    refused = re.search(r"\[Errno -?\d+\] ([\w ]+)|(timed out)", text)
    return f"no answer ({refused[1] or refused[2]})" if refused and text.startswith("API request to") else text


def _connection_problem(uri: str) -> str | None:
    """Return why the server of a database cannot be reached, or None; also None for an MLflow server."""
    parts = urlsplit(uri)
    usual = _PORTS.get(parts.scheme.partition("+")[0])
    if usual is None or parts.hostname is None:
        return None
    try:
        socket.create_connection((parts.hostname, parts.port or usual), CONNECT_SECONDS).close()
    except OSError as error:
        return f"no answer from {parts.hostname}:{parts.port or usual} ({error.strerror or error})"
    return None


def _create(database: Path) -> None:
    """Create a missing database with MLflow's tables, under a temporary name until it is complete.

    MLflow creates the tables in dozens of migrations when it first gets a client, without a lock. Two processes that do
    so at once, or one that dies meanwhile, leave a file that MLflow never accepts again.
    """
    if _has_content(database):  # also where only reading is possible, and no lock
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_name(f"{database.stem}.creation.lock"), timeout=120):
        if _has_content(database):
            return
        for left in database.parent.glob(f"{database.name}{UNFINISHED}*"):
            left.unlink()
        with atomic_path(database) as unfinished:
            MlflowClient(f"sqlite:///{unfinished}").search_experiments(max_results=1)


def _has_content(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def checked_hash(text: str) -> str:
    """Return a hash in lower case, safe to insert into a search condition.

    Raises TrackingError for any other text, which may come from a file or a user.
    """
    if not re.fullmatch(r"[0-9a-f]+", text.lower()):
        raise TrackingError(f"{text!r} is not a hash: it may contain only 0 to 9 and a to f")
    return text.lower()


def open_store(tracking: TrackingConfig, paths: PathsConfig) -> Store:
    """Return the store of a config; nothing is opened yet."""
    uri = store_uri(tracking, paths)
    # MLflow's default artifact folder of a SQLite file is below the current folder.
    file = sqlite_file(uri)
    return Store(uri, file.parent / "artifacts" if file else None)


def origin_tags() -> dict[str, str]:
    """Return the tags that fill the columns `User` and `Source` of MLflow's tables."""
    tags = {"mlflow.source.name": "sentiment-lab", "mlflow.source.type": "LOCAL"}
    with suppress(KeyError, OSError):  # a container may run under a user id without a name
        tags["mlflow.user"] = getpass.getuser()
    return tags
