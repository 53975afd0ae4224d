"""`sentiment-lab data`: download the IMDB reviews, or describe the data of a config."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from sentiment_lab.base.console import print_message
from sentiment_lab.cli.arguments import Commands, add_command, add_json, add_overrides


def add_parser(commands: Commands) -> None:
    """Declare the options of `data fetch` and `data info`."""
    parser = commands.add_parser("data", help="download the IMDB reviews, or describe data")
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    fetch = add_command(kinds, "fetch", _run_fetch, "download the IMDB reviews into the cache, if they are missing")
    add_overrides(fetch, "paths.cache=DIR")
    summary = "print the number of reviews, their lengths, duplicates and the data_hash"
    info = add_command(kinds, "info", _run_info, summary, "The default is the generated corpus.")
    add_overrides(info, "data=imdb data.path=FILE")
    add_json(info)


def _run_fetch(options: argparse.Namespace) -> int:
    return data_fetch(options.overrides)


def _run_info(options: argparse.Namespace) -> int:
    return data_info(options.overrides, as_json=options.json)


def data_fetch(overrides: Sequence[str]) -> int:
    """Download the IMDB reviews, if they are missing, and print their path.

    Raises DataError if they cannot be downloaded.
    """
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.config.fields import ConfigError
    from sentiment_lab.config.resources import cache_folder
    from sentiment_lab.config.settings import ImdbData
    from sentiment_lab.data.sources.locate import locate

    config = compose_config(["data=imdb", *overrides])
    if not isinstance(config.data, ImdbData):
        raise ConfigError([f"data must be imdb: only these reviews are downloaded, got {config.data.source}"])
    print(locate(config.data.path, cache_folder(config)))
    return 0


def data_info(overrides: Sequence[str], *, as_json: bool) -> int:
    """Describe the reviews of a config, or the columns of a table where it is still open which are which.

    Raises ConfigError for the overrides, DataError for the reviews.
    """
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.config.resources import cache_folder
    from sentiment_lab.config.settings import TableData
    from sentiment_lab.data.corpus import load_corpus
    from sentiment_lab.data.describe import describe_corpus, render_description
    from sentiment_lab.data.inspect_table import inspect_table, needs_columns, render_columns

    config = compose_config(overrides)
    if isinstance(config.data, TableData) and needs_columns(config.data):
        columns = inspect_table(config.data)
        if as_json:
            print(json.dumps({"columns": [{"name": one.name, "examples": one.cells[:3]} for one in columns]}, indent=2))
        else:
            print(render_columns(columns, config.data, overrides))
        return 0
    description = describe_corpus(load_corpus(config.data, cache_folder(config)))
    if as_json:
        print(json.dumps(description, indent=2))
    else:
        print(render_description(description))
        if not overrides:
            print_message("(the generated corpus; `sentiment-lab data info data=imdb` describes the IMDB reviews)")
    return 0
