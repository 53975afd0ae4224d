"""`sentiment-lab reproduce`: run a run again elsewhere, and say whether it came out the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import print_message
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import config_hash, flatten, identity_of, restore
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.config.settings import Config, ImdbData
from sentiment_lab.runs.folder import AmbiguousHashError, RunError, RunFolder
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.listing import find_run
from sentiment_lab.runs.provenance import Difference, code_version, differences, environment
from sentiment_lab.runs.published import PublishedRun, find_published
from sentiment_lab.runs.reproduction import (
    DIVERGED,
    FILE,
    TOLERANCE,
    EpochComparison,
    Verdict,
    compare_runs,
    keep_verdict,
)
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.tracking.address import store_uri

if TYPE_CHECKING:
    from sentiment_lab.tracking.store import Store

DIVERGED_EXIT = 3


def reproduce(
    prefix: str, overrides: Sequence[str], *, other_data: bool, tolerance: float | None, as_json: bool
) -> int:
    """Run again what a hash names, and print the verdict; exit code 3 when it diverged.

    The run is taken from the runs folder, where that does not have it from the pages of `experiments/`, else from the
    MLflow store. Raises RunError for a
    hash that is not known or a run that is not complete, DamageError for a file that is not what was written,
    ConfigError for an override that would change the run, and what `execute` raises.
    """
    # What belongs to the reviews needs the group that the stored run names, which is not known yet.
    base = compose_config([word for word in overrides if not word.startswith("data.")])
    with _original(prefix, base) as (original, place):
        job, layers = _prepare(original, overrides, other_data=other_data)
        print_message(f"{job.name}  {original.short_hash}  again, in {job.folder.path}")
        execute(job, callback=EpochComparison(original))
        deterministic = job.config.training.deterministic
        limit = TOLERANCE if tolerance is None else tolerance
        verdict = compare_runs(original, job.folder, layers, limit, deterministic=deterministic)
        facts = {
            "config_hash": config_hash(job.config),
            "original": place,
            "again": str(job.folder.path),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        _keep(verdict, facts, original, job)
        print_message(f"kept in {job.folder.path / FILE}")
    print(json.dumps({**asdict(verdict), **facts}, indent=2) if as_json else verdict)
    return DIVERGED_EXIT if verdict.verdict == DIVERGED else 0


@contextmanager
def _original(prefix: str, base: Config) -> Iterator[tuple[RunFolder | PublishedRun, str]]:
    """Find a run and say where: in the runs folder, a page, or fetched from the store for the time of the block."""
    with TemporaryDirectory(prefix="sentiment-lab-") as scratch:
        try:
            run = find_run(Path(base.paths.runs).absolute(), prefix)
            place = str(run.path)
        except AmbiguousHashError:
            raise
        except RunError as error:
            published = find_published(prefix)
            if published:
                print_message(f"taken from {published.file}")
                yield published, str(published.file)
                return
            run, place = _fetched(prefix, base, Path(scratch), error), store_uri(base.tracking, base.paths)
        if run.state != "complete":
            raise RunError(
                f"run {run.short_hash} is {run.state}: only a complete one can be reproduced; "
                "the command that `sentiment-lab show` prints goes on with it"
            )
        yield run, place


def _fetched(prefix: str, base: Config, folder: Path, missing: RunError) -> RunFolder:
    if not base.tracking.enabled:
        raise missing
    from sentiment_lab.tracking.lookup import fetch_run

    store = _store(base)
    if store.is_missing:
        raise missing
    try:
        run = fetch_run(store, prefix, folder)
    except RunError as error:
        raise RunError(f"{missing}\n{error}") from error
    print_message(f"taken from the MLflow store {store.uri}")
    return run


def _prepare(
    original: RunFolder | PublishedRun, overrides: Sequence[str], *, other_data: bool
) -> tuple[Job, list[Difference]]:
    """Return the job that repeats a run, and what differs below it; each difference is said.

    Raises RunError where the reviews are others and that was not asked for.
    """
    started = original.started() or {}
    config = _config(original, started, overrides)
    now = {**_data_facts(config), "code_version": code_version().version, **environment(config.launch.threads)}
    data = next((event for event in original.events() if event["event"] == "data"), {})
    was = {**original.environment(), "data_hash": data["data_hash"], "split_hash": data["split_hash"]}
    layers = differences(was, now)
    for layer in layers:
        print_message(f"  {layer}")
    if was["data_hash"] != now["data_hash"] and not other_data:
        raise RunError(
            f"run {original.short_hash} was trained on the reviews {was['data_hash'][:12]}, here are "
            f"{now['data_hash'][:12]}; data.path=FILE names the right ones, --other-data takes these"
        )
    variant = "reproduction of " + str(started["name"]).rpartition(" seed=")[0]
    return Job(config, original.overrides(), variant, reproduces=config_hash(config)), layers


def _config(original: RunFolder | PublishedRun, started: Event, overrides: Sequence[str]) -> Config:
    """Rebuild a run's config from its canonical form, as data, with the settings of this machine around it."""
    stored = original.config()
    group = [f"data={stored['data']['source']}"]
    base = compose_config([*group, *overrides])
    _check_overrides(compose_config(group), base)
    config = restore(stored, base)
    config.study.name = started["study"]
    config.paths.runs = str(_fresh_root(config))
    threads = original.environment().get("threads", "all")
    if threads.isdecimal() and config.launch.threads is None:
        config.launch.threads = int(threads)
    source = started.get("source")
    if isinstance(config.data, ImdbData) and config.data.path is None and source and Path(source).exists():
        config.data.path = source
    return config


def _check_overrides(before: Config, after: Config) -> None:
    """Refuse overrides that would make another run of it."""
    was, now = flatten(identity_of(before)), flatten(identity_of(after))
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    if changed:
        raise ConfigError(
            [f"{key} belongs to the stored run and cannot be changed in a reproduction" for key in changed]
        )


def _fresh_root(config: Config) -> Path:
    """Return the first folder of reproductions that has no complete run of this config: an interrupted one goes on."""
    root = Path(config.paths.store).absolute() / "reproductions"
    roots = (root / str(number) for number in itertools.count(1))
    short = RunFolder.of(config).short_hash
    return next(root for root in roots if RunFolder(root / short).state not in ("complete", "running"))


def _data_facts(config: Config) -> dict[str, str]:
    from sentiment_lab.data.dataset import build_dataset

    dataset = build_dataset(config, cache_folder(config))
    return {"data_hash": dataset.data_hash, "split_hash": dataset.split_hash}


def _keep(verdict: Verdict, facts: Mapping[str, Any], original: RunFolder | PublishedRun, job: Job) -> None:
    folders = [job.folder] if isinstance(original, PublishedRun) else [original, job.folder]
    keep_verdict(verdict, facts, folders)
    if not job.config.tracking.enabled:
        return
    from sentiment_lab.tracking.lookup import tag_training

    store = _store(job.config)
    try:
        for run in folders:
            started = run.started() or {}
            tag_training(store, started["training"], {"reproduction": str(verdict)}, run.path / FILE)
    except Exception as error:  # noqa: BLE001  # whatever a store raises, the verdict is in the folders
        print_message(f"{store.message(error)}\n  the verdict stands in {job.folder.path / FILE}")


def _store(config: Config) -> Store:
    from sentiment_lab.tracking.store import open_store

    return open_store(config.tracking, config.paths)
