"""Folders: the package, what lies beside or inside it, and the cache."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from sentiment_lab.config.settings import Config


def resource_folder(name: str) -> Path:
    """Return `conf/` or `experiments/`: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


PACKAGE = Path(__file__).resolve().parents[1]


def cache_folder(config: Config) -> Path:
    """Return where downloads and encoded reviews are kept."""
    return Path(config.paths.cache or platformdirs.user_cache_dir("sentiment_lab")).absolute()
