"""`sentiment-lab promote`: a run's model under a name and an alias, as others load and serve it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import SHORT
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import RunError, RunFolder
from sentiment_lab.runs.integrity import find_damage
from sentiment_lab.runs.listing import find_run

if TYPE_CHECKING:
    from sentiment_lab.tracking.registry import Version

_NAME = re.compile(r"\w[\w.-]{0,99}")
_ALIAS = re.compile(r"[\w-]{1,100}")


class PromotionError(LabError):
    """A name, an alias or a store with which a run cannot be promoted."""


def promote(prefix: str, alias: str, name: str, overrides: Sequence[str], *, as_json: bool) -> int:
    """Register the model of a complete run and give it an alias; the same command again changes nothing.

    Raises PromotionError for a name or an alias that MLflow does not take and for a store that fails, RunError for a
    hash that is not known, a run that is not complete or one whose files are not what was written, ConfigError for the
    overrides.
    """
    _check(alias, name)
    config = compose_config(overrides)
    folder = _complete(Path(config.paths.runs).absolute(), prefix)
    uri, version, before = _promoted(config, folder, name, alias)
    address = f"models:/{name}@{alias}"
    if as_json:
        facts = {**asdict(version), "alias": alias, "uri": address, "store": uri, "before": before and asdict(before)}
        print(json.dumps(facts, indent=2))
    else:
        _show(version, before, alias, address, uri)
    return 0


def _check(alias: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise PromotionError(f"--name must be letters, digits, '.', '_' and '-', at most 100, got {name!r}")
    if not _ALIAS.fullmatch(alias):
        raise PromotionError(f"--as must be letters, digits, '_' and '-', at most 100, got {alias!r}")
    if alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise PromotionError(f"--as must not be 'latest' or a version such as 'v1', MLflow's own words, got {alias!r}")


def _complete(root: Path, prefix: str) -> RunFolder:
    run = find_run(root, prefix)
    if run.state != "complete":
        raise RunError(f"run {run.short_hash} has no model: it is {run.state}")
    for problem in find_damage(run):
        raise RunError(f"run {run.short_hash} is not promoted: {problem}")
    return run


def _promoted(config: Config, folder: RunFolder, name: str, alias: str) -> tuple[str, Version, Version | None]:
    from sentiment_lab.tracking.registry import promote_model
    from sentiment_lab.tracking.store import open_store

    store = open_store(config.tracking, config.paths)
    try:
        return store.uri, *promote_model(store, config.tracking, folder, name, alias)
    except LabError:
        raise
    except Exception as error:  # whatever a store raises
        raise PromotionError(f"{store.message(error)}; the same command goes on") from error


def _show(version: Version, before: Version | None, alias: str, address: str, store: str) -> None:
    print(f"{version.name} version {version.version} is the {alias}: {_described(version)}")
    if before:
        others = before.tags.get("data_hash") != version.tags.get("data_hash")
        print(f"  before: version {before.version}, {_described(before)}{', on other data' if others else ''}")
    print(f"\n  export MLFLOW_TRACKING_URI={shlex.quote(store)}")
    print(f'  python -c \'import mlflow; print(mlflow.pyfunc.load_model("{address}").predict(["a fine film"]))\'')
    print(f"  mlflow models serve -m {address} --env-manager local --port 5001")
    print('  curl http://127.0.0.1:5001/invocations --json \'{"inputs": ["a fine film"]}\'')


def _described(version: Version) -> str:
    tags = version.tags
    accuracy = f"{100 * float(tags['test_accuracy']):.2f} %" if "test_accuracy" in tags else "unknown"
    return f"{tags.get('variant', '?')} {tags.get('config_hash', '?')[:SHORT]}, test accuracy {accuracy}"
