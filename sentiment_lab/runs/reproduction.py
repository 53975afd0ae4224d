"""The verdict on a reproduced run: its content, its text, and its file in the run folders.

`analysis.reproduction` decides it; docs/reproducibility.md describes the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sentiment_lab.base.console import print_message
from sentiment_lab.base.files import DamageError, read_checksummed, write_checksummed
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.journal_callback import without_times
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord, Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IDENTICAL, WITHIN, EQUIVALENT, DIVERGED = "bit-identical", "within tolerance", "statistically equivalent", "diverged"
FILE = "reproduction.json"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a reproduction compares with the original."""

    verdict: str
    """bit-identical, within tolerance, statistically equivalent, or diverged."""
    epoch: int | None
    """The first epoch that diverges; None where only the test scores or exact numbers do, and for other verdicts."""
    largest_difference: float
    """Of all losses and accuracies."""
    where: str
    """The number that differs most; empty where none does."""
    explanation: str
    """The most likely cause of a difference; empty where there is none."""
    layers: Sequence[str]
    """Every difference in data, split, code, environment, threads and processor as text, most likely cause first."""
    same_weights: bool
    same_predictions: bool
    same_epochs: bool
    tolerance: float
    seeds: int = 0
    """Other seeds of the variant that are known, besides the original's."""
    variants: int = 0
    """Other variants of the study whose seeds moderate the standard deviations; 0 where they do not."""
    points: float | None = None
    """Test accuracy of the reproduction minus that of the original, in percentage points."""
    deviations: float | None = None
    """The same in standard deviations of the difference of two seeds."""
    p_value: float | None = None
    """Of the test that the accuracies differ by more than seeds do; paired where `paired` is true."""
    paired: bool = False
    """Whether the test used the predicted labels of both runs."""
    outside: Sequence[str] = ()
    """Numbers outside the band of the seeds, as text."""
    exact: Sequence[str] = ()
    """Numbers that no rounding can change, such as the tokens of a part, and that differ, as text."""

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Verdict:
        """Build a verdict from the content that `keep_verdict` wrote, also by a version with fewer fields."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__ if name in plain})

    def __str__(self) -> str:
        if self.verdict == IDENTICAL:
            return IDENTICAL
        return f"{self._headline} ({self._equal}; tolerance {self.tolerance:g}); {self.explanation}"

    def report(self) -> str:
        """Return the verdict with its reasons and all differences between the two machines, one per line."""
        return self.verdict if self.verdict == IDENTICAL else "\n  ".join([self._headline, *self._reasons()])

    @property
    def _headline(self) -> str:
        return f"{self.verdict}{self._place}: {self._accuracy}the largest difference is {self._largest}"

    @property
    def _place(self) -> str:
        if self.verdict != DIVERGED:
            return ""
        if self.exact:
            return " in numbers that no rounding changes"
        return f" at epoch {self.epoch}" if self.epoch else " on the test part"

    @property
    def _accuracy(self) -> str:
        if self.points is None:
            return ""
        size = f" ({abs(self.deviations):.1f} standard deviations between seeds)" if self.deviations is not None else ""
        return f"test accuracy differs by {self.points:+.2f} points{size}, "

    @property
    def _largest(self) -> str:
        return f"{self.largest_difference:.3g} in {self.where}" if self.largest_difference else "0"

    @property
    def _equal(self) -> str:
        same = {"weights": self.same_weights, "predictions": self.same_predictions, "epochs": self.same_epochs}
        return ", ".join(f"{what} {'equal' if equal else 'differ'}" for what, equal in same.items())

    def _reasons(self) -> Iterator[str]:
        yield f"{self._equal}; tolerance {self.tolerance:g}"
        yield from (f"no rounding changes this: {line}" for line in self.exact)
        if self.verdict in (EQUIVALENT, DIVERGED):
            yield from self._tests()
        yield f"most likely cause: {self.explanation}"
        yield from (f"also: {line}" for line in self.layers if line != self.explanation)

    def _tests(self) -> Iterator[str]:
        if self.p_value is not None:
            test = "paired test on the predictions" if self.paired else "test of the accuracies"
            yield f"{test}: p = {self.p_value:.2g}"
        yield from (f"outside the seeds' band: {line}" for line in self.outside)
        if not self.outside:
            yield "every loss and accuracy lies within the seeds' band"
        if self.variants:
            seeds = f"{self.seeds + 1} known seed{'s' * (self.seeds > 0)} of this variant"
            yield f"standard deviations are those of {seeds} and {self.variants} other variants of its study"
        elif self.seeds > 1:
            yield f"standard deviations are those of the {self.seeds + 1} known seeds of this variant"
        else:
            known = (
                "one other seed of this variant is known" if self.seeds else "no other seed of this variant is known"
            )
            yield f"{known}, so standard deviations are generic (docs/reproducibility.md); run more seeds for its own"


class Original(Protocol):
    """A complete run to compare with: its folder, or its published record."""

    @property
    def short_hash(self) -> str:
        """First digits of the config hash."""

    def config(self) -> dict[str, Any]:
        """Return its canonical config as plain data."""

    def events(self) -> list[Event]:
        """Return the events of its journal."""

    def result(self) -> Result:
        """Return its result."""

    def predictions_digest(self) -> str:
        """Return the digest of its predictions."""

    def predicted_labels(self) -> NDArray[np.bool_] | None:
        """Return the predicted labels of the test part in the order of the review ids; None where not recorded."""


def epochs_of(run: Original) -> list[Event]:
    """Return the epoch events of a run in order, the last one of each epoch."""
    latest = {event["epoch"]: event for event in run.events() if event["event"] == "epoch"}
    return [latest[epoch] for epoch in sorted(latest)]


class EpochComparison(Callback):
    """Prints for each epoch whether it equals that of the original."""

    def __init__(self, original: Original) -> None:
        self._before = {event["epoch"]: event for event in epochs_of(original)}

    def epoch_ended(self, record: EpochRecord) -> None:
        """Print the largest difference of the epoch's numbers."""
        before = self._before.get(record.epoch)
        if before is None:
            print_message(f"  epoch {record.epoch}: not in the original")
            return
        value, name = max(gaps(without_times(before), asdict(record)), default=(0.0, ""))
        print_message(f"  epoch {record.epoch}: " + (f"differs by {value:.3g} in {name}" if value else "identical"))


def keep_verdict(verdict: Verdict, metadata: Mapping[str, Any], folders: Sequence[RunFolder]) -> None:
    """Write `reproduction.json` into each folder.

    Raises StorageError when it cannot be written.
    """
    for folder in folders:
        write_checksummed(folder.path / FILE, {**asdict(verdict), **metadata})


def read_verdict(folder: RunFolder) -> dict[str, Any] | None:
    """Return the last verdict on a run, or None.

    Raises DamageError when it changed since it was written.
    """
    try:
        return read_checksummed(folder.path / FILE)
    except DamageError:
        if not (folder.path / FILE).exists():
            return None
        raise


def gaps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    """Yield the absolute difference and the name of each number; infinity where only one is a finite number."""
    for name, was in before.items():
        now = after.get(name)
        if isinstance(was, float) and isinstance(now, float):
            both_nan = math.isnan(was) and math.isnan(now)
            yield (0.0 if both_nan else abs(was - now) if math.isfinite(was - now) else math.inf), name
        elif was != now:
            yield math.inf, name
