"""The known seeds of a run's variant and of the other variants of its study, from run folders and published records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sentiment_lab.base.errors import LabError
from sentiment_lab.config.identity import variant_of
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.runs.published import PublishedRun, published_runs


@dataclass(frozen=True)
class KnownSeeds:
    """Complete runs from which the variation between seeds is known, all on the split of one run."""

    seeds: Sequence[RunFolder | PublishedRun] = ()
    """Of the run's variant, one for each other seed."""
    study: Sequence[Sequence[RunFolder | PublishedRun]] = ()
    """Of each other variant of the run's study, one for each seed."""


def known_seeds(original: RunFolder | PublishedRun, root: Path) -> KnownSeeds:
    """Return the known seeds for a run, from the folder `root`, else from the pages in `experiments/`.

    A run that is damaged is left out.
    """
    variant, seed = variant_of(original.config()), int(original.config()["seed"])
    study = (original.started() or {}).get("study")
    variants: dict[str, dict[int, RunFolder | PublishedRun]] = {variant: {seed: original}}
    for run in _runs(root):
        try:
            config = run.config()
            name = variant_of(config)
            related = name == variant or (run.started() or {}).get("study") == study
            if related and _same_split(run, original):
                variants.setdefault(name, {}).setdefault(int(config["seed"]), run)
        except LabError:
            continue  # `doctor` reports it
    own = variants.pop(variant)
    del own[seed]
    return KnownSeeds([own[one] for one in sorted(own)], [[*runs.values()] for runs in variants.values()])


def _runs(root: Path) -> Iterator[RunFolder | PublishedRun]:
    return chain((run for run in list_runs(root) if run.state == "complete"), published_runs())


def _same_split(one: RunFolder | PublishedRun, other: RunFolder | PublishedRun) -> bool:
    results = (one.result(), other.result())
    return len({(result.data_hash, result.split_hash) for result in results}) == 1
