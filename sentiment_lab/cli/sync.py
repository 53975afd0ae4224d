"""`sentiment-lab sync`: bring the MLflow store of this machine, or a server, up to date with the run folders."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.console import print_message
from sentiment_lab.cli.arguments import Commands, add_command, add_overrides
from sentiment_lab.cli.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from sentiment_lab.config.settings import Config
    from sentiment_lab.runs.folder import RunFolder
    from sentiment_lab.tracking.store import Store

PROGRESS_SECONDS = 10.0
"""Seconds between two messages about the progress."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Runs that the store has already are not added again."
    parser = add_command(commands, "sync", run, "bring the MLflow store up to date with the runs on disk", details)
    add_overrides(parser, "tracking.model=false")
    text = "address of another store, such as a server: copy runs, sweeps, figures, models and registered models to it"
    parser.add_argument("--to", metavar="URI", help=text)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return sync(options.overrides, options.to)


def sync(overrides: Sequence[str], to: str | None = None) -> int:
    """Bring a store up to date with all runs and sweeps on disk; 1 if that failed for any.

    `to` is the address of another store than the config's; registered models of the local store are copied to it as
    well. Repeating the command resumes after a failure, because the store's content is not written again. Raises
    ConfigError for the overrides, StoreAddressError for an invalid address.
    """
    from sentiment_lab.runs.listing import all_runs
    from sentiment_lab.tracking.store import open_store

    config = _config(overrides, to)
    store = open_store(config.tracking, config.paths)
    try:
        store.client.search_experiments(max_results=1)
        store.prepare()
    except Exception as error:  # noqa: BLE001  # stores raise errors of many kinds; nothing was written yet
        print_message(store.message(error))
        return FAILED
    runs = [run for run in all_runs(config) if run.started()]
    free = [run for run in runs if run.holder is None]
    synced = _sync_runs(config, store, free)
    sweeps, all_sweeps = _sync_sweeps(config, store)
    versions = _sync_registry(config, store, free)
    busy = f"; {len(runs) - len(free)} are in training and mirror themselves" if len(free) < len(runs) else ""
    registered = f", {versions} registered versions" if versions else ""
    print_message(f"{synced} of {len(free)} runs and {sweeps} sweeps{registered} are up to date in {store.uri}{busy}")
    complete = synced == len(free) and sweeps == all_sweeps and versions is not None
    if to and complete:
        print_message(f"export MLFLOW_TRACKING_URI={store.uri} makes this the store of all commands")
    return DONE if complete else FAILED


def _config(overrides: Sequence[str], to: str | None) -> Config:
    from dataclasses import replace

    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.tracking.address import checked_address

    config = compose_config(overrides)
    if not to:
        return config
    return replace(config, tracking=replace(config.tracking, uri=checked_address(to, "--to")))


def _sync_runs(config: Config, store: Store, runs: Sequence[RunFolder]) -> int:
    """Return the number of runs that are up to date."""
    from sentiment_lab.tracking.run_mirror import catch_up

    synced, reported = 0, time.monotonic()
    messages: set[str] = set()

    def warn(message: str) -> None:
        if message not in messages:  # that of a deleted experiment is the same for all its runs
            print_message(message)
        messages.add(message)

    for number, run in enumerate(runs):
        if time.monotonic() - reported > PROGRESS_SECONDS:
            print_message(f"  {number} of {len(runs)} runs")
            reported = time.monotonic()
        synced += catch_up(store, config.tracking, run, warn)
    return synced


def _sync_sweeps(config: Config, store: Store) -> tuple[int, int]:
    """Return the number of sweeps that are up to date, and of all sweeps."""
    from sentiment_lab.runs.sweep_records import list_sweeps

    folders = list_sweeps(config.paths.store)
    return sum(sync_sweep(config, store, folder) for folder in folders), len(folders)


def sync_sweep(config: Config, store: Store, folder: Path) -> bool:
    """Bring the parent run of a sweep up to date, unless one of its jobs is in training; return whether it succeeded.

    A failure is printed.
    """
    from sentiment_lab.runs.sweep_records import SweepRecord
    from sentiment_lab.sweeps.comparison import compare_sweep
    from sentiment_lab.sweeps.parent_run import mirror_sweep

    root = Path(config.paths.runs).absolute()
    try:
        record = SweepRecord.read(folder)
        if not any(run.holder for _, run in record.runs(root)):
            mirror_sweep(store, record, root, folder, compare_sweep(record, root))
    except Exception as error:  # noqa: BLE001  # stores raise errors of many kinds; the other sweeps are tried
        print_message(f"sweep {folder.name} is not up to date: {store.message(error)}")
        return False
    return True


def _sync_registry(config: Config, store: Store, runs: Sequence[RunFolder]) -> int | None:
    """Copy the registered models of the local store to another; return the number of versions, None after a failure."""
    from sentiment_lab.tracking.address import local_uri
    from sentiment_lab.tracking.registry import copy_registry
    from sentiment_lab.tracking.store import Store

    local = Store(local_uri(config.paths), None)
    if store.uri == local.uri or local.is_missing:
        return 0
    folders = {str(started["training"]): run for run in runs if (started := run.started())}
    try:
        copied, skipped = copy_registry(local, store, config.tracking, folders)
    except Exception as error:  # noqa: BLE001  # stores raise errors of many kinds; runs and sweeps are up to date
        print_message(f"registered models: {store.message(error)}")
        return None
    for message in skipped:
        print_message(f"  {message}")
    return copied
