"""`sentiment-lab promote`: register the model of a run under an alias, by which it is loaded and served."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_hash, add_json, add_overrides
from sentiment_lab.cli.predict import find_trained

if TYPE_CHECKING:
    from sentiment_lab.config.settings import Config
    from sentiment_lab.runs.folder import RunFolder
    from sentiment_lab.tracking.registry import Version

_NAME = re.compile(r"\w[\w.-]{0,99}")
_ALIAS = re.compile(r"[\w-]{1,100}")


class PromotionError(LabError):
    """An invalid model name or alias, or an error of the store."""


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    parser = add_command(commands, "promote", run, "register the model of a run in MLflow and give it an alias")
    add_hash(parser)
    add_overrides(parser, "tracking.uri=URI")
    parser.add_argument(
        "--as", dest="alias", required=True, metavar="ALIAS", help="alias, such as champion or challenger"
    )
    # One model name for all studies, so that users load the champion without knowing its study.
    parser.add_argument("--name", default="sentiment", help="name of the registered model (default: %(default)s)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return promote(options.hash, options.alias, options.name, options.overrides, as_json=options.json)


def promote(prefix: str, alias: str, name: str, overrides: Sequence[str], *, as_json: bool) -> int:
    """Register the model of a complete run and give it an alias. Repeating the command changes nothing.

    Raises PromotionError for a name or an alias that MLflow refuses and for an error of the store, RunError for an
    unknown hash and for an incomplete or damaged run, ConfigError for the overrides.
    """
    from dataclasses import asdict

    from sentiment_lab.config.compose import compose_config

    _check_names(alias, name)
    config = compose_config(overrides)
    folder = _find_intact(config, prefix)
    uri, version, before = _register(config, folder, name, alias)
    address = f"models:/{name}@{alias}"
    if as_json:
        plain = {**asdict(version), "alias": alias, "uri": address, "store": uri, "before": before and asdict(before)}
        print(json.dumps(plain, indent=2))
    else:
        _print(version, before, alias, address, uri)
    return 0


def _check_names(alias: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise PromotionError(f"--name must be letters, digits, '.', '_' and '-', at most 100, got {name!r}")
    if not _ALIAS.fullmatch(alias):
        raise PromotionError(f"--as must be letters, digits, '_' and '-', at most 100, got {alias!r}")
    if alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise PromotionError(f"--as must not be 'latest' or a version such as 'v1', which MLflow uses, got {alias!r}")


def _find_intact(config: Config, prefix: str) -> RunFolder:
    from sentiment_lab.runs.folder import RunError
    from sentiment_lab.runs.integrity import find_damage

    folder = find_trained(str(Path(config.paths.runs).absolute()), prefix)
    for problem in find_damage(folder):
        raise RunError(f"run {folder.short_hash} is not promoted: {problem}")
    return folder


def _register(config: Config, folder: RunFolder, name: str, alias: str) -> tuple[str, Version, Version | None]:
    """Return the address of the store, the version of the run, and the version that had the alias before."""
    from sentiment_lab.tracking.registry import promote_model
    from sentiment_lab.tracking.store import open_store

    store = open_store(config.tracking, config.paths)
    try:
        return store.uri, *promote_model(store, config.tracking, folder, name, alias)
    except LabError:
        raise
    except Exception as error:  # stores raise errors of many kinds
        raise PromotionError(f"{store.message(error)}; rerun the same command to resume") from error


def _print(version: Version, before: Version | None, alias: str, address: str, store: str) -> None:
    print(f"{version.name} version {version.version} is the {alias}: {_describe(version)}")
    if before:
        other_data = before.tags.get("data_hash") != version.tags.get("data_hash")
        print(f"  before: version {before.version}, {_describe(before)}{', on other data' if other_data else ''}")
    print(f"\n  export MLFLOW_TRACKING_URI={shlex.quote(store)}")
    print(f'  python -c \'import mlflow; print(mlflow.pyfunc.load_model("{address}").predict(["a fine film"]))\'')
    print(f"  mlflow models serve -m {address} --env-manager local --port 5001")
    print('  curl http://127.0.0.1:5001/invocations --json \'{"inputs": ["a fine film"]}\'')


def _describe(version: Version) -> str:
    from sentiment_lab.config.identity import SHORT

    tags = version.tags
    accuracy = f"{100 * float(tags['test_accuracy']):.2f} %" if "test_accuracy" in tags else "unknown"
    return f"{tags.get('variant', '?')} {tags.get('config_hash', '?')[:SHORT]}, test accuracy {accuracy}"
