"""Preparing configs before any job starts: check data and store, and pin `data.expect` for the user's own reviews."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.config.settings import Config, DataConfig, ImdbData, TableData
from sentiment_lab.data.pinning import pin_data
from sentiment_lab.data.sources.locate import find_local
from sentiment_lab.data.sources.own_files import find_files
from sentiment_lab.tracking.address import experiment_name, store_uri


class Preparation:
    """Prepares the configs of one command. It reads each source once, so all jobs expect the same reviews."""

    def __init__(self) -> None:
        self._pinned: dict[str, DataConfig] = {}

    def __call__(self, config: Config) -> Config:
        """Return the config of the run, with `data.expect` pinned for reviews of the user's own.

        Raises ConfigError for a file in place of a folder of the output, DataError for reviews that are missing,
        unreadable or not those of `data.expect`, StoreAddressError for an invalid store.
        """
        _check_folders(config)
        _check_store(config)
        key = f"{config.data!r} {cache_folder(config)}"
        if key not in self._pinned:
            self._pinned[key] = pin_data(config.data, cache_folder(config))
        return replace(config, data=self._pinned[key])


def check_locations(config: Config) -> None:
    """Raise DataError for a missing data file, StoreAddressError for an invalid store, before a run has a folder."""
    _check_store(config)
    if isinstance(config.data, ImdbData) and config.data.path is not None:
        find_local(config.data.path, cache_folder(config))
    if isinstance(config.data, TableData):
        find_files(config.data.path)


def _check_folders(config: Config) -> None:
    """Raise ConfigError where a file, or a link to nothing, has the place of a folder of the output."""
    for key, folder in (("paths.store", config.paths.store), ("paths.runs", config.paths.runs)):
        path = Path(folder).absolute()
        existing = next(place for place in (path, *path.parents) if place.exists() or place.is_symlink())
        if not existing.is_dir():
            raise ConfigError([f"{key} must be a folder, but {existing} is none"])


def _check_store(config: Config) -> None:
    """Check the names only: a run trains without a store that does not answer."""
    if config.tracking.enabled:
        store_uri(config.tracking, config.paths)
        experiment_name(config.study.name)
