"""The steps of `reproduce`: find the original run, prepare the job that repeats it, store the verdict."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from sentiment_lab.base.console import print_message
from sentiment_lab.base.portable import require_portable
from sentiment_lab.cli.download import confirm_download
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import (
    canonical_text,
    config_hash,
    flatten,
    identity_of,
    pinned_settings,
    restore,
    sha256_hex,
)
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.config.settings import Config, GeneratedData, ImdbData, LaunchConfig, TableData
from sentiment_lab.runs.folder import AmbiguousHashError, RunError, RunFolder
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.listing import find_run
from sentiment_lab.runs.provenance import Difference, code_version, differences, environment
from sentiment_lab.runs.published import PublishedRun, find_published
from sentiment_lab.runs.reproduction import FILE, Verdict, keep_verdict
from sentiment_lab.tracking.address import store_uri

if TYPE_CHECKING:
    from sentiment_lab.tracking.store import Store

Original: TypeAlias = RunFolder | PublishedRun


@contextmanager
def find_original(prefix: str, base: Config) -> Iterator[tuple[Original, str]]:
    """Find a complete run by its hash and yield it with its location.

    It is taken from the runs folder, else from a page in `experiments/`, else from the MLflow store; files of the store
    are removed at the end of the block. Raises RunError if no run or several match, or the run is not complete.
    """
    with TemporaryDirectory(prefix="sentiment-lab-") as scratch:
        try:
            run = find_run(Path(base.paths.runs).absolute(), prefix)
            location = str(run.path)
        except AmbiguousHashError:
            raise
        except RunError as error:
            published = find_published(prefix)
            if published:
                print_message(f"taken from {published.file}")
                yield published, str(published.file)
                return
            run, location = _fetch(prefix, base, Path(scratch), error), store_uri(base.tracking, base.paths)
        if run.state != "complete":
            raise RunError(
                f"run {run.short_hash} is {run.state}, and only a complete run can be reproduced; "
                "resume it with the command that `sentiment-lab show` prints"
            )
        yield run, location


def _fetch(prefix: str, base: Config, folder: Path, missing: RunError) -> RunFolder:
    """Copy a run from the MLflow store into a folder.

    Raises `missing` without a store, RunError if the store does not have the run either.
    """
    if not base.tracking.enabled:
        raise missing
    from sentiment_lab.tracking.lookup import fetch_run

    store = _open_store(base)
    if store.is_missing:
        raise missing
    try:
        run = fetch_run(store, prefix, folder)
    except RunError as error:
        raise RunError(f"{missing}\n{error}") from error
    print_message(f"taken from the MLflow store {store.uri}")
    return run


def prepare_job(
    original: Original, overrides: Sequence[str], *, other_data: bool, yes: bool, runs: Path | None = None
) -> tuple[Job, list[Difference]]:
    """Return the job that repeats a run, and the differences in data, code and machine, which are also printed.

    It runs in the folder `runs`, by default in the first folder of reproductions that lacks this run.
    Reviews that are not on this machine are downloaded, with `yes` without asking. Raises RunError for other reviews,
    unless `other_data` is set, ConfigError for an override that would change the run, and LabError where a download is
    not confirmed.
    """
    started = original.started() or {}
    config = restore_config(original, overrides, other_data=other_data)
    confirm_download(config, original.result().train_seconds, f"run {original.short_hash}", yes=yes)
    config = replace(config, paths=replace(config.paths, runs=str(runs or reproductions_folder([config]))))
    now = {**_data_hashes(config), "code_version": code_version().version, **environment(config.launch.threads)}
    data = next((event for event in original.events() if event["event"] == "data"), {})
    was = {**original.environment(), "data_hash": data["data_hash"], "split_hash": data["split_hash"]}
    differing = differences(was, now)
    for difference in differing:
        print_message(f"  {difference}")
    if not other_data:
        _check_same_reviews(original, was, now)
    original_hash = sha256_hex(canonical_text(original.config()))
    variant = "reproduction of " + str(started["name"]).rpartition(" seed=")[0]
    return Job(config, original.overrides(), variant, reproduces=original_hash), differing


def _check_same_reviews(original: Original, was: Mapping[str, str], now: Mapping[str, str]) -> None:
    if was["data_hash"] != now["data_hash"]:
        raise RunError(
            f"run {original.short_hash} was trained on the reviews {was['data_hash'][:12]}, but the reviews here are "
            f"{now['data_hash'][:12]}; set data.path=FILE to the original ones, or use these with --other-data"
        )
    if was["split_hash"] != now["split_hash"]:
        raise RunError(
            f"run {original.short_hash} was trained on another split of the same reviews: its file had them in another "
            "order; set data.path=FILE to a file with the original order (the article's split needs Kaggle's "
            "'IMDB Dataset.csv'), or use this one with --other-data"
        )


def restore_config(original: Original, overrides: Sequence[str], *, other_data: bool = False) -> Config:
    """Return the stored config of a run with paths, tracking and launch settings of this machine.

    With `other_data`, it has no `data.expect`, which the original's reviews alone have. Raises ConfigError for an
    override that would change the run.
    """
    stored, started = original.config(), original.started() or {}
    group = [f"data={stored['data']['source']}", *pinned_settings(original.overrides())]
    base = compose_config([*group, *overrides])
    _check_overrides(compose_config(group), base)
    config = restore(stored, base)
    config = replace(config, launch=_launch_as(original.environment(), config.launch))
    source = started.get("source")
    if isinstance(config.data, TableData) and config.data.path is None and source:
        config = replace(config, data=replace(config.data, path=source))
    if isinstance(config.data, ImdbData) and config.data.path is None and source and Path(source).exists():
        config = replace(config, data=replace(config.data, path=source))
    if other_data:
        config = _with_any_data(config)
    return replace(config, study=replace(config.study, name=started["study"]))


def _launch_as(environment: Mapping[str, str], launch: LaunchConfig) -> LaunchConfig:
    """Return launch settings with the threads and the instruction set of the original run.

    Raises PortableError if this process needs other variables for them.
    """
    threads = environment.get("threads", "all")
    if threads.isdecimal() and launch.threads is None:
        launch = replace(launch, threads=int(threads))
    if launch.portable or "portable" in environment:
        require_portable()
        launch = replace(launch, portable=True)
    return launch


def _check_overrides(before: Config, after: Config) -> None:
    """Raise ConfigError for each setting of the identity that the overrides change."""
    was, now = flatten(identity_of(before)), flatten(identity_of(after))
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    if changed:
        raise ConfigError(
            [f"{key} belongs to the stored run and cannot be changed in a reproduction" for key in changed]
        )


def reproductions_folder(configs: Sequence[Config]) -> Path:
    """Return the first folder of reproductions that lacks a complete or running run of any of these configs.

    An interrupted reproduction is thus resumed.
    """
    root = Path(configs[0].paths.store).absolute() / "reproductions"
    folders = (root / str(number) for number in itertools.count(1))
    names = [RunFolder.of(config).short_hash for config in configs]
    done = ("complete", "running")
    return next(folder for folder in folders if any(RunFolder(folder / name).state not in done for name in names))


def _data_hashes(config: Config) -> dict[str, str]:
    from sentiment_lab.data.dataset import build_dataset

    dataset = build_dataset(_with_any_data(config), cache_folder(config))
    return {"data_hash": dataset.data_hash, "split_hash": dataset.split_hash}


def _with_any_data(config: Config) -> Config:
    """Return a config without the hashes that its reviews must have."""
    data = replace(config.data, expect=None)
    return replace(config, data=data if isinstance(data, GeneratedData) else replace(data, expect_parts=None))


def store_verdict(verdict: Verdict, original: Original, location: str, job: Job) -> dict[str, Any]:
    """Store a verdict in the folders of both runs and in the MLflow store; return it as plain data.

    A failure of the store is printed.
    """
    metadata = {
        "config_hash": config_hash(job.config),
        "original": location,
        "again": str(job.folder.path),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    folders = [job.folder] if isinstance(original, PublishedRun) else [original, job.folder]
    keep_verdict(verdict, metadata, folders)
    if job.config.tracking.enabled:
        _tag_runs(verdict, folders, job)
    return {**asdict(verdict), **metadata}


def _tag_runs(verdict: Verdict, folders: Sequence[RunFolder], job: Job) -> None:
    from sentiment_lab.tracking.lookup import tag_training

    store = _open_store(job.config)
    try:
        for run in folders:
            started: Mapping[str, Any] = run.started() or {}
            tag_training(store, started["training"], {"reproduction": str(verdict)}, run.path / FILE)
    except Exception as error:  # noqa: BLE001  # stores raise errors of many kinds; the folders have the verdict
        print_message(f"{store.message(error)}\n  the verdict is stored in {job.folder.path / FILE}")


def _open_store(config: Config) -> Store:
    from sentiment_lab.tracking.store import open_store

    return open_store(config.tracking, config.paths)
