"""The MLflow store: its experiments, and finding runs in it by what they are."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from requests import RequestException

from sentiment_lab.base.errors import LabError, first_line
from sentiment_lab.base.files import UNFINISHED, atomic_path
from sentiment_lab.config.settings import PathsConfig, TrackingConfig
from sentiment_lab.tracking.address import store_uri
from sentiment_lab.tracking.views import view_tags

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it the UI opens on its pages for language-model applications."""

PATIENCE_SECONDS = 60.0
"""Seconds that all runs of a process together wait for a server that is away, before they leave the rest to `sync`."""
RETRY_SECONDS = 3.0
_SQLITE = "sqlite:///"
_SERVER = ("http://", "https://")
T = TypeVar("T")
_silent_since: dict[str, float] = {}
"""When a server was first heard of no more, by its address."""


class TrackingError(LabError):
    """A store that cannot be used; the text names it."""


@dataclass(frozen=True)
class Store:
    """Where MLflow keeps its records."""

    uri: str
    artifacts: Path | None
    """Artifact folder of the local store; a server has its own."""

    @cached_property
    def client(self) -> MlflowClient:
        """The client of this store; a local store that is not there yet is made."""
        if self.uri.startswith(_SQLITE):
            _create(_database(self.uri))
        return MlflowClient(self.uri)

    def retry(self, action: Callable[[], T]) -> T:
        """Do what can be done twice, and do it again while the server is away or another client came in between.

        Raises what it raised last when the patience is used up, and at once what waiting does not mend.
        """
        while True:
            try:
                done = action()
            except Exception as error:
                if not (self.is_away(error) or _was_raced(error)):
                    raise
                since = _silent_since.setdefault(self.uri, time.monotonic())
                if time.monotonic() - since > PATIENCE_SECONDS:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                _silent_since.pop(self.uri, None)
                return done

    @property
    def is_missing(self) -> bool:
        """Whether it is a file that is not there: asking for its client would make it."""
        return self.uri.startswith(_SQLITE) and not _database(self.uri).is_file()

    @property
    def is_server(self) -> bool:
        """Whether it is reached by HTTP, and may be that of several machines."""
        return self.uri.startswith(_SERVER)

    def is_away(self, error: Exception) -> bool:
        """Tell whether an error says that a server does not answer, or that its database does not answer it."""
        if not self.is_server:
            return False
        if isinstance(error, MlflowException):
            return error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")
        return isinstance(error, RequestException) and getattr(error.response, "status_code", 500) >= 500

    def message(self, error: Exception) -> str:
        """Return in a line what is wrong with the store, and what mends it where that is known."""
        hint = self.hint(error)
        return f"MLflow store {self.uri} failed: {told(error)}" + (f"; {hint}" if hint else "")

    def hint(self, error: Exception) -> str | None:
        """Return what mends an error of the store, where its text tells."""
        text = first_line(error)
        if "out-of-date database schema" in text:
            return f"mlflow db upgrade {self.uri} (keep a copy of it)"
        if "not authenticated" in text or "error code 401" in text:
            return "it wants a name and a password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        if "PERMISSION_DENIED" in text or "error code 403" in text:
            return "whoever runs the server gives the right to edit: docs/server.md"
        return "start it, or name another store" if self.is_away(error) else None

    def experiment_id(self, name: str) -> str:
        """Return the id of an experiment, made and put at its place when it is missing.

        Raises TrackingError when it was deleted.
        """
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = None if self.artifacts is None else self.artifacts.as_uri()
            try:
                return str(self.client.create_experiment(name, location, {**EXPERIMENT_TAGS, **view_tags()}))
            except MlflowException:  # another client made it meanwhile
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise TrackingError(f"the MLflow experiment {name!r} was deleted in {self.uri}; restore it or rename study")
        return str(found.experiment_id)

    def study_id(self, name: str | None) -> str | None:
        """Return the id of a study's experiment, by default of the one whose run began last; None where there is none.

        An experiment that lacks its views gets them.
        """
        found = self.client.search_experiments()
        ids = [experiment.experiment_id for experiment in found if name in (None, experiment.name)]
        newest = self.client.search_runs(ids, order_by=["attributes.start_time DESC"], max_results=1) if ids else []
        chosen = str(newest[0].info.experiment_id) if newest else None
        for experiment in found:
            if experiment.experiment_id == chosen:
                missing = {key: text for key, text in view_tags().items() if key not in experiment.tags}
                for key, text in missing.items():
                    self.client.set_experiment_tag(chosen, key, text)
        return chosen

    def find(self, experiment_id: str, tag: str, value: str) -> Run | None:
        """Return the run of an experiment whose tag has this hash, a deleted one where there is no other."""
        found = list(self.search(f"tags.`{tag}` = '{checked_hash(value)}'", [experiment_id]))
        return min(found, key=lambda run: run.info.lifecycle_stage != "active", default=None)

    def search(self, condition: str, experiments: list[str] | None = None) -> Iterator[Run]:
        """Yield all runs that meet a condition, deleted ones too, oldest first."""
        found = self.client.search_experiments() if experiments is None else []
        ids = experiments or [experiment.experiment_id for experiment in found]
        token = None
        while ids:
            page = self.client.search_runs(
                ids, condition, ViewType.ALL, order_by=["attributes.start_time ASC"], page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def _was_raced(error: Exception) -> bool:
    """Tell whether another client has made the same at the same time: two runs that bring the same dataset do."""
    return any(words in str(error) for words in ("UniqueViolation", "UNIQUE constraint failed"))


def told(error: Exception) -> str:
    """Return what an error says, without the request and the objects that it was met in."""
    text = first_line(error)
    refused = re.search(r"\[Errno -?\d+\] ([\w ]+)|(timed out)", text)
    return f"no answer ({refused[1] or refused[2]})" if refused and text.startswith("API request to") else text


def _database(uri: str) -> Path:
    return Path(uri.removeprefix(_SQLITE).partition("?")[0])


def _create(database: Path) -> None:
    """Make a database with MLflow's tables where there is none, under another name until it is whole.

    MLflow makes the tables in dozens of migrations as soon as it has a client, without a lock. Two processes that do it
    at once, or one that dies amid them, leave a file that MLflow refuses ever after.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_suffix(".lock"), timeout=120):
        if database.exists() and database.stat().st_size:
            return
        for left in database.parent.glob(f"{database.name}{UNFINISHED}*"):
            left.unlink()
        with atomic_path(database) as unfinished:
            MlflowClient(f"{_SQLITE}{unfinished}").search_experiments(max_results=1)


def checked_hash(text: str) -> str:
    """Return a hash that may stand in a condition.

    Raises TrackingError for what is none: it may come from a file.
    """
    if not re.fullmatch(r"[0-9a-f]+", text.lower()):
        raise TrackingError(f"{text!r} is no hash: it has letters other than 0 to 9 and a to f")
    return text.lower()


def open_store(tracking: TrackingConfig, paths: PathsConfig) -> Store:
    """Return the store that a config names; opens nothing yet."""
    uri = store_uri(tracking, paths)
    # MLflow's own place for what belongs to a SQLite file is below the current folder.
    return Store(uri, _database(uri).absolute().parent / "artifacts" if uri.startswith(_SQLITE) else None)


def origin_tags() -> dict[str, str]:
    """Return the tags that fill the columns `User` and `Source` of MLflow's tables."""
    tags = {"mlflow.source.name": "sentiment-lab", "mlflow.source.type": "LOCAL"}
    with suppress(KeyError, OSError):  # a container may run under a number that has no name
        tags["mlflow.user"] = getpass.getuser()
    return tags
