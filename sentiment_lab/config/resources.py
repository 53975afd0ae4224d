"""Folders: the package, the files that are installed with it, and the cache."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from sentiment_lab.config.settings import Config

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder `sentiment_lab`."""


def resource_folder(name: str) -> Path:
    """Return the folder `conf` or `experiments`: inside an installed package, beside the package in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def cache_folder(config: Config) -> Path:
    """Return the folder of downloads and encoded reviews: `paths.cache`, or the user's cache folder if that is null."""
    return Path(config.paths.cache or platformdirs.user_cache_dir("sentiment_lab")).absolute()
