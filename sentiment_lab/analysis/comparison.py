"""Which variant is better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sentiment_lab.analysis.metrics import Metric, metric_named
from sentiment_lab.analysis.pairwise import MOST_PAIRED, Pair, assign_letters, compare_pairs
from sentiment_lab.analysis.predictions import TestPredictions, read_test_predictions
from sentiment_lab.analysis.selection import Selection, StudyRun
from sentiment_lab.analysis.summaries import ACCURACY, VariantSummary, rank, summarise_variant
from sentiment_lab.analysis.variants import Variant, group_runs
from sentiment_lab.base.errors import LabError
from sentiment_lab.runs.folder import RunError


class ComparisonError(LabError):
    """Runs that cannot be ranked; the text names what differs and what to do."""


@dataclass(frozen=True)
class Comparison:
    """The answer to a question."""

    selection: Selection
    metric: Metric
    rows: Sequence[VariantSummary]
    """The best first, or as they were sorted."""
    pairs: Sequence[Pair]
    unfinished: Sequence[StudyRun]
    """Runs that are in no number."""
    notes: Sequence[str]
    answers: Mapping[str, TestPredictions]
    """Test predictions by short hash, of the runs that have them."""

    @property
    def columns(self) -> list[str]:
        """The settings that differ, in order."""
        return list(dict.fromkeys(key for row in self.rows for key in row.variant.settings))

    @property
    def best(self) -> VariantSummary:
        """The variant with the best mean."""
        return min(self.rows, key=lambda row: rank(row, self.metric))


def compare(
    selection: Selection,
    *,
    by: Sequence[str] = (),
    metric: str = ACCURACY,
    sort: str | None = None,
    across_data: bool = False,
) -> Comparison:
    """Group the runs into variants, summarise each over its runs, and test every pair of variants.

    `by` is as in `group_runs`; rows come in the order of `sort`, by default of the metric, the best first. Raises
    ComparisonError where the runs have other data or test reviews than each other, unless `across_data`, LabError for
    an unknown metric or setting, RunError where no run is complete.
    """
    measured, order = metric_named(metric), metric_named(sort or metric)
    variants = [variant for variant in group_runs(selection.runs, by, selection.chosen) if variant.runs]
    unfinished = [run for run in selection.runs if run.result is None]
    if not variants:
        raise RunError(_nothing_complete(selection, unfinished))
    answers, notes = _read_all(variants)
    notes = [*filter(None, [selection.left_out]), *notes]
    _check_tests(variants, answers, across_data=across_data)
    rows = [summarise_variant(variant, answers) for variant in variants]
    ranked = sorted(rows, key=lambda row: rank(row, measured))
    pairs = compare_pairs(ranked, measured, answers)
    if len(rows) > MOST_PAIRED:
        notes.append(f"pairs are those of the best {MOST_PAIRED} of {len(rows)} variants, corrected for all pairs")
    rows = sorted(assign_letters(ranked, pairs), key=lambda row: rank(row, order))
    return Comparison(selection, measured, rows, pairs, unfinished, notes, answers)


def _nothing_complete(selection: Selection, unfinished: Sequence[StudyRun]) -> str:
    states = ", ".join(f"{run.name} {run.short_hash} is {run.state}" for run in unfinished[:5])
    more = f" and {len(unfinished) - 5} more" if len(unfinished) > 5 else ""
    return f"no run of {selection.study or 'these'} is complete: {states}{more}"


def _read_all(variants: Iterable[Variant]) -> tuple[dict[str, TestPredictions], list[str]]:
    """Read all predictions; a run without them keeps its numbers, but is in no pair."""
    answers, notes = {}, []
    for run in (run for variant in variants for run in variant.runs.values()):
        try:
            answers[run.short_hash] = read_test_predictions(run.folder)
        except LabError as error:
            notes.append(f"{run.name} {run.short_hash} is in no pair: {error}")
    return answers, notes


def _check_tests(variants: Sequence[Variant], answers: Mapping[str, TestPredictions], *, across_data: bool) -> None:
    first, *others = (run for variant in variants for run in variant.runs.values())
    for run in () if across_data else others:
        if run.outcome.data_hash != first.outcome.data_hash:
            what = f"other data ({run.outcome.data_hash[:12]}) than {first.name} {first.short_hash}"
        elif not _same_test(run, first, answers):
            what = f"another test part than {first.name} {first.short_hash}"
        else:
            continue
        raise ComparisonError(
            f"{run.name} {run.short_hash} has {what} ({first.outcome.data_hash[:12]}): their accuracies are not about "
            "the same reviews; name runs that share them, or give --across-data"
        )


def _same_test(run: StudyRun, first: StudyRun, answers: Mapping[str, TestPredictions]) -> bool:
    if run.outcome.split_hash == first.outcome.split_hash:
        return True
    one, other = answers.get(run.short_hash), answers.get(first.short_hash)
    return one is not None and other is not None and one.same_test(other)
