"""`sentiment-lab sync`: an MLflow store made equal to the run folders, this machine's or, with --to, a team's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.console import print_message
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.listing import all_runs
from sentiment_lab.tracking.address import checked_address, local_uri

if TYPE_CHECKING:
    from sentiment_lab.tracking.store import Store

DONE, PROBLEMS_LEFT = 0, 1
TELL_SECONDS = 10.0
"""Seconds between two lines that tell how far it is."""


def sync(overrides: Sequence[str], to: str | None = None) -> int:
    """Bring a store up to date with every run and sweep on disk; 1 where it failed for any.

    `to` names another store than the config's, which gets what is registered in the local one too. What a store has is
    not written again, so that the same command goes on after a failure. Raises ConfigError for the overrides,
    StoreAddressError for an address that is none.
    """
    from sentiment_lab.tracking.store import open_store

    config = compose_config(overrides)
    if to:
        config.tracking.uri = checked_address(to, "--to")
    store = open_store(config.tracking, config.paths)
    try:
        store.client.search_experiments(max_results=1)
    except Exception as error:  # noqa: BLE001  # whatever a store raises, nothing was done yet
        print_message(store.message(error))
        return PROBLEMS_LEFT
    runs = [run for run in all_runs(config) if run.started()]
    free = [run for run in runs if run.holder is None]
    done = _sync_runs(config, store, free)
    sweeps, wanted = _sync_sweeps(config, store)
    versions = _sync_registry(config, store, free)
    busy = f", {len(runs) - len(free)} are being trained and mirror themselves" if len(free) < len(runs) else ""
    registered = f", {versions} registered versions" if versions else ""
    print_message(f"{done} of {len(free)} runs and {sweeps} sweeps{registered} are up to date in {store.uri}{busy}")
    whole = done == len(free) and sweeps == wanted and versions is not None
    if to and whole:
        print_message(f"export MLFLOW_TRACKING_URI={store.uri} makes it the store of every command from here on")
    return DONE if whole else PROBLEMS_LEFT


def _sync_runs(config: Config, store: Store, runs: Sequence[RunFolder]) -> int:
    from sentiment_lab.tracking.run_mirror import catch_up

    done, told = 0, time.monotonic()
    for number, run in enumerate(runs):
        if time.monotonic() - told > TELL_SECONDS:
            print_message(f"  {number} of {len(runs)} runs")
            told = time.monotonic()
        done += catch_up(store, config.tracking, run, print_message)
    return done


def _sync_sweeps(config: Config, store: Store) -> tuple[int, int]:
    """Return how many sweeps are up to date, and how many there are."""
    from sentiment_lab.runs.sweep_records import SweepRecord, list_sweeps
    from sentiment_lab.sweeps.parent_run import mirror_sweep

    root, folders, done = Path(config.paths.runs).absolute(), list_sweeps(config.paths.store), 0
    for folder in folders:
        try:
            record = SweepRecord.read(folder)
            if not any(run.holder for _, run in record.runs(root)):
                mirror_sweep(store, record, root, folder)
            done += 1
        except Exception as error:  # noqa: BLE001  # whatever a store raises, the other sweeps are tried
            print_message(f"sweep {folder.name}: {store.message(error)}")
    return done, len(folders)


def _sync_registry(config: Config, store: Store, runs: Sequence[RunFolder]) -> int | None:
    """Register elsewhere what is registered in the local store; return how many versions, None after a failure."""
    from sentiment_lab.tracking.registry import copy_registry
    from sentiment_lab.tracking.store import Store

    local = Store(local_uri(config.paths), None)
    if store.uri == local.uri or local.is_missing:
        return 0
    folders = {str(started["training"]): run for run in runs if (started := run.started())}
    try:
        copied, left = copy_registry(local, store, config.tracking, folders)
    except Exception as error:  # noqa: BLE001  # whatever a store raises, runs and sweeps are there
        print_message(f"registered models: {store.message(error)}")
        return None
    for line in left:
        print_message(f"  {line}")
    return copied
