"""What all tests share: where the real reviews are, and a small config to start from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

ARCHIVE = "aclImdb_v1.tar.gz"


@pytest.fixture(scope="session")
def imdb_archive() -> Path:
    """The upstream archive with the real reviews, or a skip that says how to get it."""
    folder = os.environ.get("SENTIMENT_LAB_DATA")
    if not folder:
        pytest.skip(f"SENTIMENT_LAB_DATA is not set; point it at the folder that holds {ARCHIVE}")
    archive = Path(folder) / ARCHIVE
    if not archive.is_file():
        pytest.skip(f"{archive} is not there; SENTIMENT_LAB_DATA must name the folder that holds it")
    return archive
