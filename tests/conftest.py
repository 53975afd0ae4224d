"""What all tests share: where the real reviews are, and a small config to start from."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sentiment_lab.sweeps.executors.inline import freeze_gc
from sentiment_lab.tracking.database import relocate
from tests.tiny import LINEAR, TINY, locations, only_locations

with suppress(ImportError):
    import submitit  # noqa: F401  # it closes the handlers of all loggers, so it comes before those of pytest

ARCHIVE = "aclImdb_v1.tar.gz"
REVIEWS = os.environ.get("SENTIMENT_LAB_DATA")
"""The folder of the real reviews."""


def pytest_runtest_teardown() -> None:
    """Exclude Keras' objects from garbage collection, which Keras asks for before each model: 0.4 s each time."""
    if "keras" in sys.modules and not gc.get_freeze_count():
        freeze_gc()


@pytest.fixture(scope="session", autouse=True)
def _no_reviews_unasked() -> None:
    """Let no test find the real reviews but those that ask for them."""
    os.environ.pop("SENTIMENT_LAB_DATA", None)


@pytest.fixture(scope="session")
def imdb_archive() -> Path:
    """The upstream archive with the real reviews, or a skip that says how to get it."""
    if not REVIEWS:
        pytest.skip(f"SENTIMENT_LAB_DATA is not set; point it at the folder that holds {ARCHIVE}")
    archive = Path(REVIEWS) / ARCHIVE
    if not archive.is_file():
        pytest.skip(f"{archive} is not there; SENTIMENT_LAB_DATA must name the folder that holds it")
    return archive


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache folder of this session's tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny(tmp_path: Path, cache: Path) -> list[str]:
    """Overrides of a tiny run in a folder of its own, without MLflow."""
    return [*TINY, "tracking=none", *locations(tmp_path, cache)]


@pytest.fixture
def linear(tmp_path: Path, cache: Path) -> list[str]:
    """Overrides of a linear model in a folder of its own, without MLflow."""
    return [*LINEAR, "tracking=none", *locations(tmp_path, cache)]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty store whose tables exist: migrating one takes seconds, copying it none."""
    root = tmp_path_factory.mktemp("store")
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.tracking.store import open_store

    config = compose_config([f"paths.store={root}"])
    open_store(config.tracking, config.paths).experiment_id("default")
    return root / "mlflow.db"


@pytest.fixture
def tracked(tmp_path, cache, migrated, monkeypatch):
    """Overrides of a tiny run that is mirrored to a store of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    relocate(tmp_path / "mlflow.db")
    return [*TINY, *locations(tmp_path, cache)]


@pytest.fixture
def tracked_linear(tracked):
    """Overrides of a linear model that is mirrored to a store of its own, without system metrics and figures."""
    return [*LINEAR, "tracking.system_metrics=false", "tracking.figures=false", *only_locations(tracked)]
