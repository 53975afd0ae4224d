"""`sentiment-lab data`: fetch the real reviews, or say what some data is."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sentiment_lab.base.console import print_message
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.config.settings import ImdbData


def data_fetch(overrides: Sequence[str]) -> int:
    """Bring the IMDB reviews to this machine, unless they are there, and say where they are.

    Raises DataError when they cannot be had.
    """
    from sentiment_lab.data.sources.locate import locate

    config = compose_config(["data=imdb", *overrides])
    if not isinstance(config.data, ImdbData):
        raise ConfigError(["data fetch brings the IMDB reviews; other data needs no fetching"])
    print(locate(config.data.path, cache_folder(config)))
    return 0


def data_info(overrides: Sequence[str], *, as_json: bool) -> int:
    """Describe the reviews that a config would read.

    Raises ConfigError for the overrides, DataError for the reviews.
    """
    from sentiment_lab.data.corpus import load_corpus
    from sentiment_lab.data.describe import describe_corpus, render_description

    config = compose_config(overrides)
    description = describe_corpus(load_corpus(config.data, cache_folder(config)))
    if as_json:
        print(json.dumps(description, indent=2))
    else:
        print(render_description(description))
        if not overrides:
            print_message("(the generated corpus; `sentiment-lab data info data=imdb` describes the real reviews)")
    return 0
