"""Comparing a run with its reproduction: epoch by epoch, weights, predictions, and one verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sentiment_lab.base.console import print_message
from sentiment_lab.base.files import DamageError, read_checksummed, write_checksummed
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.journal_callback import without_times
from sentiment_lab.runs.provenance import ORDER, Difference, differences
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord, Result

TOLERANCE = 0.01
"""Largest difference of a loss (nats) or an accuracy that still counts as the same result.

Two processors round differently, and training amplifies that: on the real reviews a run's accuracies then change by a
few tenths of a percent, as they do between two seeds.
"""

IDENTICAL, WITHIN, DIVERGED = "bit-identical", "within tolerance", "diverged"
FILE = "reproduction.json"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a reproduction compares with the original."""

    verdict: str
    """bit-identical, within tolerance, or diverged."""
    epoch: int | None
    """The first epoch beyond the tolerance; None where only the test scores are."""
    largest_difference: float
    """Of all losses and accuracies."""
    where: str
    """The number that differs most; empty where none does."""
    explanation: str
    """The most likely cause of a difference; empty where there is none."""
    layers: Sequence[str]
    """Every difference in data, split, code, environment, threads and processor, as text."""
    same_weights: bool
    same_predictions: bool
    same_epochs: bool
    tolerance: float

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Verdict:
        """Build a verdict from the content that `keep_verdict` wrote."""
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__})

    def __str__(self) -> str:
        if self.verdict == IDENTICAL:
            return IDENTICAL
        where = f" at epoch {self.epoch}" if self.epoch else " on the test part" if self.verdict == DIVERGED else ""
        return (
            f"{self.verdict}{where}: the largest difference is {self.largest_difference:.3g} ({self.where}; "
            f"tolerance {self.tolerance:g}; {self._equal}); {self.explanation}"
        )

    @property
    def _equal(self) -> str:
        same = {"weights": self.same_weights, "predictions": self.same_predictions, "epochs": self.same_epochs}
        return ", ".join(f"{what} {'equal' if equal else 'differ'}" for what, equal in same.items())


class Original(Protocol):
    """A complete run to compare with: its folder, or its published record."""

    @property
    def short_hash(self) -> str:
        """First digits of the config hash."""

    def events(self) -> list[Event]:
        """Return the events of its journal."""

    def result(self) -> Result:
        """Return its result."""

    def predictions_digest(self) -> str:
        """Return the digest of its predictions."""


class EpochComparison(Callback):
    """Prints for each epoch whether it equals that of the original."""

    def __init__(self, original: Original) -> None:
        self._before = {event["epoch"]: event for event in original.events() if event["event"] == "epoch"}

    def epoch_ended(self, record: EpochRecord) -> None:
        """Print the largest difference of the epoch's numbers."""
        before = self._before.get(record.epoch)
        if before is None:
            print_message(f"  epoch {record.epoch}: not in the original")
            return
        value, name = max(_gaps(before, asdict(record)), default=(0.0, ""))
        print_message(f"  epoch {record.epoch}: " + (f"differs by {value:.3g} in {name}" if value else "identical"))


def compare_runs(
    original: Original, again: RunFolder, known: Sequence[Difference], tolerance: float, *, deterministic: bool
) -> Verdict:
    """Compare two complete runs of one config.

    `known` are the differences found before the second one started. Raises DamageError for a damaged file of either.
    """
    before, after = original.result(), again.result()
    paths = ({"execution_path": before.execution_path}, {"execution_path": after.execution_path})
    causes = [*known, *(Difference("processor", d.name, d.was, d.now) for d in differences(*paths))]
    epochs = [_epochs(run) for run in (original, again)]
    numbers = [list(map(without_times, run)) for run in epochs]
    tests = _common_scores(before, after)
    same = {
        "same_weights": before.weights_digest == after.weights_digest,
        "same_predictions": original.predictions_digest() == again.predictions_digest(),
        "same_epochs": numbers[0] == numbers[1],
    }
    gaps = [(v, f"epoch {e['epoch']} {n}") for e, f in zip(*epochs, strict=False) for v, n in _gaps(e, f)]
    gaps += [(value, f"test_{name}") for value, name in _gaps(*tests)]
    largest, where = max(gaps, default=(0.0, ""))
    diverged, epoch = _divergence(epochs, largest, tolerance)
    verdict = IDENTICAL if all(same.values()) and tests[0] == tests[1] else DIVERGED if diverged else WITHIN
    explained = "" if verdict == IDENTICAL else _explanation(original, causes, deterministic=deterministic)
    return Verdict(
        verdict=verdict,
        epoch=epoch if verdict == DIVERGED else None,
        largest_difference=largest,
        where=where if largest else "" if verdict == IDENTICAL else "only weights or predictions",
        explanation=explained,
        layers=list(map(str, causes)),
        tolerance=tolerance,
        **same,
    )


def _common_scores(before: Result, after: Result) -> list[dict[str, float]]:
    """Return the test scores that both results have: an earlier version of the project may compute fewer."""
    first, second = before.test.by_name(), after.test.by_name()
    return [{name: scores[name] for name in first if name in second} for scores in (first, second)]


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


def _divergence(epochs: Sequence[list[Event]], largest: float, tolerance: float) -> tuple[bool, int | None]:
    """Return whether two runs diverge, and the first epoch where they do."""
    one, other = epochs
    for before, after in zip(one, other, strict=False):
        if max(_gaps(before, after), default=(0.0, ""))[0] > tolerance:
            return True, int(before["epoch"])
    if len(one) != len(other):
        return True, min(len(one), len(other)) + 1
    return largest > tolerance, None


def _gaps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    for name, was in without_times(before).items():
        now = after.get(name)
        if isinstance(was, float) and isinstance(now, float):
            both_nan = math.isnan(was) and math.isnan(now)
            yield (0.0 if both_nan else abs(was - now) if math.isfinite(was - now) else math.inf), name
        elif was != now:
            yield math.inf, name


def _epochs(run: Original) -> list[Event]:
    latest = {event["epoch"]: event for event in run.events() if event["event"] == "epoch"}
    return [latest[epoch] for epoch in sorted(latest)]


def _explanation(original: Original, causes: Sequence[Difference], *, deterministic: bool) -> str:
    if causes:
        return str(min(causes, key=lambda cause: ORDER.index(cause.category)))
    mixed = [line for event in original.events() for line in event.get("differs", [])]
    if mixed:
        return f"the original was resumed after a change ({mixed[0]})"
    if not deterministic:
        return "training.deterministic is false"
    return "no recorded difference explains it"
