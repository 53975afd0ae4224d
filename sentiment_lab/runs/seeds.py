"""The other known seeds of a run's variant, from run folders and published records."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.identity import variant_of
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.runs.published import published_runs
from sentiment_lab.runs.reproduction import Original
from sentiment_lab.training.result import Result


def other_seeds(original: Original, root: Path) -> list[Original]:
    """Return the complete runs of the same variant on the same split, one for each seed other than the original's.

    They come from the folder `root`, else from the pages in `experiments/`; a run that is damaged is left out.
    """
    variant, result = variant_of(original.config()), original.result()
    seeds: dict[int, Original] = {}
    runs: Iterator[Original] = chain((run for run in list_runs(root) if run.state == "complete"), published_runs())
    for run in runs:
        try:
            if variant_of(run.config()) == variant and _same_split(run.result(), result):
                seeds.setdefault(int(run.config()["seed"]), run)
        except LabError:
            continue  # `doctor` reports it
    seeds.pop(int(original.config()["seed"]), None)
    return [seeds[seed] for seed in sorted(seeds)]


def _same_split(one: Result, other: Result) -> bool:
    return (one.data_hash, one.split_hash) == (other.data_hash, other.split_hash)
