"""What `sentiment-lab compare` compares: which runs, by which metric, grouped how."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.base.errors import LabError

if TYPE_CHECKING:
    from sentiment_lab.analysis.comparison import Comparison
    from sentiment_lab.analysis.selection import Selection

ACCURACY = "test_accuracy"
"""The default metric; the same as `analysis.summaries.ACCURACY`, which takes NumPy to import."""


@dataclass(frozen=True)
class Question:
    """Which runs to compare, and how."""

    hashes: Sequence[str] = ()
    study: str | None = None
    by: Sequence[str] = ()
    metric: str = ACCURACY
    sort: str | None = None
    across_data: bool = False
    within: str | None = None
    """For a page: the setting within whose values runs are compared."""
    figures: Sequence[str] = ()
    """For a page: the figures to draw."""

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Question:
        """Return the question of parsed options."""
        return cls(
            tuple(options.hash),
            options.study,
            by=tuple(options.by),
            metric=options.metric,
            sort=options.sort,
            across_data=options.across_data,
            within=options.within,
            figures=tuple(options.figure),
        )

    @property
    def command(self) -> str:
        """The command line that asks this question."""
        arguments = ["sentiment-lab", "compare", *self.hashes]
        arguments += ["--study", self.study] if self.study else []
        for option, values in (("--by", self.by), ("--figure", self.figures)):
            arguments += [part for value in values for part in (option, value)]
        arguments += ["--metric", self.metric] if self.metric != ACCURACY else []
        arguments += ["--sort", self.sort] if self.sort else []
        arguments += ["--within", self.within] if self.within else []
        return shlex.join([*arguments, *(["--across-data"] if self.across_data else [])])

    def select(self, root: Path, store: str) -> Selection:
        """Return the runs to compare.

        Raises LabError if there are none.
        """
        from sentiment_lab.analysis.selection import select_hashes, select_study

        if self.hashes and self.study:
            raise LabError("give either hashes or --study, not both")
        return select_hashes(root, store, self.hashes) if self.hashes else select_study(root, store, self.study)

    def answer(self, selection: Selection) -> Comparison:
        """Compare the runs.

        Raises LabError if they are not comparable.
        """
        from sentiment_lab.analysis.comparison import compare

        return compare(selection, by=self.by, metric=self.metric, sort=self.sort, across_data=self.across_data)
