"""Compare variants: which is better, by how much, and how certain that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentiment_lab.analysis.metrics import Metric, metric_named
from sentiment_lab.analysis.pairwise import MOST_PAIRED, Pair, assign_letters, compare_pairs
from sentiment_lab.analysis.predictions import TestPredictions, read_test_predictions
from sentiment_lab.analysis.selection import DAMAGED, FAILED, Selection, StudyRun
from sentiment_lab.analysis.summaries import ACCURACY, VariantSummary, rank, summarise_variant
from sentiment_lab.analysis.variants import Variant, group_runs
from sentiment_lab.base.errors import LabError
from sentiment_lab.runs.folder import RunError


class ComparisonError(LabError):
    """Runs that cannot be ranked; the message names what differs and how to proceed."""


@dataclass(frozen=True)
class Comparison:
    """The variants of a selection with their metrics, and the tests of their differences."""

    selection: Selection
    metric: Metric
    rows: Sequence[VariantSummary]
    """Sorted by the metric, best first, or as requested."""
    pairs: Sequence[Pair]
    unfinished: Sequence[StudyRun]
    """Runs without a result, which no number includes."""
    notes: Sequence[str]
    predictions: Mapping[str, TestPredictions]
    """Test predictions by short hash, of the runs that have them."""

    @property
    def columns(self) -> list[str]:
        """The settings in which variants differ, in order."""
        return list(dict.fromkeys(key for row in self.rows for key in row.variant.settings))

    @property
    def failed(self) -> list[StudyRun]:
        """The failed jobs, if the runs are those of one sweep; in a study, a later command may have replaced them."""
        return [run for run in self.unfinished if self.selection.sweep and run.state in (FAILED, DAMAGED)]

    @property
    def best(self) -> VariantSummary:
        """The variant with the best mean."""
        return self.ranked[0]

    @property
    def ranked(self) -> list[VariantSummary]:
        """The variants by the compared metric, best first, those without it last."""
        return sorted(self.rows, key=lambda row: rank(row, self.metric))


def compare(
    selection: Selection,
    *,
    by: Sequence[str] = (),
    metric: str = ACCURACY,
    sort: str | None = None,
    across_data: bool = False,
) -> Comparison:
    """Group the runs into variants, summarise each over its runs, and test every pair of variants.

    `by` is that of `group_runs`. Rows are sorted by `sort`, by default the metric, best first. Raises ComparisonError
    if runs differ in their data or test reviews and `across_data` is not set, LabError for an unknown metric or
    setting, RunError if no run is complete.
    """
    measured, order = metric_named(metric), metric_named(sort or metric)
    variants = [variant for variant in group_runs(selection.runs, by, selection.tuned) if variant.runs]
    unfinished = [run for run in selection.runs if run.result is None]
    if not variants:
        raise RunError(_nothing_complete(selection, unfinished))
    predictions, notes = _read_all(variants)
    notes = [*filter(None, [selection.left_out]), *notes]
    if not across_data:
        _check_tests(variants, predictions)
    rows = [summarise_variant(variant, predictions) for variant in variants]
    ranked = sorted(rows, key=lambda row: rank(row, measured))
    pairs = compare_pairs(ranked, measured, predictions)
    if len(rows) > MOST_PAIRED:
        notes.append(f"pairs are those of the best {MOST_PAIRED} of {len(rows)} variants, adjusted for all pairs")
    rows = sorted(assign_letters(ranked, pairs), key=lambda row: rank(row, order))
    return Comparison(selection, measured, rows, pairs, unfinished, notes, predictions)


def _nothing_complete(selection: Selection, unfinished: Sequence[StudyRun]) -> str:
    states = ", ".join(f"{run.name} {run.short_hash} is {run.state}" for run in unfinished[:5])
    more = f" and {len(unfinished) - 5} more" if len(unfinished) > 5 else ""
    return f"no run of {selection.study or 'these'} is complete: {states}{more}"


def _read_all(variants: Iterable[Variant]) -> tuple[dict[str, TestPredictions], list[str]]:
    """Read all predictions; a run without them keeps its metrics but is excluded from the pairs."""
    predictions, notes = {}, []
    for run in (run for variant in variants for run in variant.runs.values()):
        try:
            predictions[run.short_hash] = read_test_predictions(run.folder)
        except LabError as error:
            notes.append(f"{run.name} {run.short_hash} is excluded from the pairs: {error}")
    return predictions, notes


def _check_tests(variants: Sequence[Variant], predictions: Mapping[str, TestPredictions]) -> None:
    first, *others = (run for variant in variants for run in variant.runs.values())
    for run in others:
        if run.outcome.data_hash != first.outcome.data_hash:
            what = f"other data ({run.outcome.data_hash[:12]}) than {first.name} {first.short_hash}"
        elif not _same_test(run, first, predictions):
            what = f"another test part than {first.name} {first.short_hash}"
        else:
            continue
        raise ComparisonError(
            f"{run.name} {run.short_hash} has {what} ({first.outcome.data_hash[:12]}): their accuracies are not "
            "measured on the same reviews; name runs that share them, or add --across-data"
        )


def _same_test(run: StudyRun, first: StudyRun, predictions: Mapping[str, TestPredictions]) -> bool:
    if run.outcome.split_hash == first.outcome.split_hash:
        return True
    one, other = predictions.get(run.short_hash), predictions.get(first.short_hash)
    return one is not None and other is not None and one.same_test(other)
