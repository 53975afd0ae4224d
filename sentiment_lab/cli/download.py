"""What `reproduce` needs before it starts: the IMDB reviews, downloaded only with consent, and time."""

from __future__ import annotations

import sys

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.config.resources import cache_folder
from sentiment_lab.config.settings import Config, ImdbData
from sentiment_lab.data.sources.locate import find_local


def confirm_download(config: Config, seconds: float, runs: str, *, yes: bool) -> None:
    """Ask before the reviews are downloaded; do nothing where they are on this machine or generated.

    `seconds` is the recorded training time of the `runs`. Raises LabError without consent, and where there is no
    terminal to ask in.
    """
    if not isinstance(config.data, ImdbData) or find_local(config.data.path, cache_folder(config)):
        return
    needs = (
        f"{runs} needs the IMDB reviews (84 MB, downloaded once into {cache_folder(config)}) and {minutes(seconds)} of "
        "training, if this machine is as fast as the original's"
    )
    if not yes:
        if not sys.stdin.isatty():
            raise LabError(f"{needs}; add --yes to download them, or data.path=PATH to use a copy")
        print(f"{needs}.\nDownload and run? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise LabError("nothing was downloaded; data.path=PATH uses a copy of the reviews")
        return
    print_message(needs)


def minutes(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 60:
        return "less than a minute"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} minute{'s' * (seconds >= 90)}"
    return f"about {seconds / 3600:.1f} hours"
