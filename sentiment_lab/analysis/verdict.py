"""The answer to a study's question in a few sentences, and its limitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.statistics import LEVEL, Estimate
from sentiment_lab.analysis.summaries import MetricSummary, VariantSummary

MOST_NAMED = 3
"""Failed jobs that a verdict names."""


def verdict(comparison: Comparison) -> str:
    """Return which jobs failed, which variant is best, by how much, and which others differ from it significantly."""
    return f"{_failures(comparison)}{_answer(comparison)}"


def _failures(comparison: Comparison) -> str:
    names = [run.name for run in comparison.failed]
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{len(names)} of {len(comparison.selection.runs)} jobs failed: {', '.join(names[:MOST_NAMED])}{more}. "


def _answer(comparison: Comparison) -> str:
    best, metric = comparison.best, comparison.metric
    if metric.name not in best.metrics:
        return f"No run has a {metric.title}."
    if len(comparison.rows) == 1:
        return f"{best.label}: {describe(best, metric)}; there is no other variant to compare it with."
    own = [pair for pair in comparison.pairs if best.label in (pair.first, pair.second)]
    pairs = {pair.second if pair.first == best.label else pair.first: pair for pair in own}
    worse = [other for other, pair in pairs.items() if pair.significant]
    undecided = [other for other, pair in pairs.items() if _significant_unadjusted(pair)]
    level = [other for other, pair in pairs.items() if pair.difference and other not in {*worse, *undecided}]
    untested = [other for other, pair in pairs.items() if not pair.difference]
    sentences = [
        f"{best.label} has the best {metric.title}: {describe(best, metric)}.",
        _lead(worse, pairs, metric) if worse else "",
        _undecided(undecided, pairs, len(comparison.pairs)) if undecided else "",
        f"No significant difference from {_listed(level)}." if level else "",
        _untested(untested) if untested else "",
    ]
    return " ".join(filter(None, sentences))


def describe(row: VariantSummary, metric: Metric) -> str:
    """Return a variant's mean with its interval and the number of its runs."""
    summary, count = row.metrics[metric.name], len(row.variant.runs)
    runs = f"{count} run{'s' if count > 1 else ''}"
    return f"{metric.show(summary.mean)} ({interval(summary, metric)}{runs})"


def interval(summary: MetricSummary, metric: Metric) -> str:
    """Return the interval of a mean in words, or an empty text if it is unknown."""
    if summary.low is None or summary.high is None:
        return ""
    return f"95 % interval {metric.show(summary.low).removesuffix(' %')} to {metric.show(summary.high)}, "


def show_difference(difference: Estimate, metric: Metric) -> str:
    """Return a difference with its interval, in percentage points for metrics in percent."""
    values = (difference.value, difference.low, difference.high)
    if metric.in_percent:
        value, low, high = (f"{100 * number:+.2f}" for number in values)
        return f"{value} points ({low} to {high})"
    value, low, high = (f"{number:+.4g}" for number in values)
    return f"{value} ({low} to {high})"


def caveats(comparison: Comparison, *, elsewhere: bool = False) -> list[str]:
    """Return the limitations of a comparison: single seeds, unfinished runs, missing predictions.

    `elsewhere` is for readers on other machines: paths are relative to the folder of the runs.
    """
    texts = [
        *comparison.notes,
        *_single_runs([row.label for row in comparison.rows if len(row.variant.runs) == 1]),
        *(_excluded(run.name, run.short_hash, run.state, run.problem) for run in comparison.unfinished),
    ]
    if any(run.outcome.validation_is_test for row in comparison.rows for run in row.variant.runs.values()):
        texts.append(
            "the test part also served as validation part, as in the article: there is no independent validation "
            "accuracy"
        )
    if not elsewhere or not comparison.selection.runs:
        return texts
    root = f"{comparison.selection.runs[0].folder.path.parent}/"
    return [text.replace(root, "") for text in texts]


def _single_runs(labels: Sequence[str]) -> list[str]:
    if not labels:
        return []
    runs, them = ("one run each of", "them") if labels[1:] else ("one run of", "it")
    consequence = f"differences from {them} are not tested (run more with seed=1,2,3)"
    return [f"{runs} {_listed(labels)}: the variation between seeds is unknown, so {consequence}"]


def _excluded(name: str, short_hash: str, state: str, problem: str | None) -> str:
    reason = f" ({problem.splitlines()[0]})" if problem else ""
    return f"{name} {short_hash} is {state}{reason}: excluded from the comparison"


def _lead(others: Sequence[str], pairs: Mapping[str, Pair], metric: Metric) -> str:
    """Return by how much the best variant leads the nearest of those that are significantly worse."""
    nearest, *rest = others
    difference = pairs[nearest].difference
    if difference is None:
        return ""
    value, low, high = difference.value, difference.low, difference.high
    if not metric.higher_is_better:
        value, low, high = -value, -high, -low
    shown = show_difference(Estimate(value, low, high, 0.0), metric).replace("+", "")
    better = "better than" if metric.higher_is_better else "lower than"
    more = f", and more than {_listed(rest)}" if rest else ""
    return f"That is {shown}, adjusted p = {pairs[nearest].p_adjusted or 0.0:.2g}, {better} {nearest}{more}."


def _significant_unadjusted(pair: Pair) -> bool:
    """Return whether a difference would be significant only if it were the single one tested."""
    return pair.difference is not None and not pair.significant and pair.difference.p_value < LEVEL


def _untested(labels: Sequence[str]) -> str:
    return f"Not testable against {_listed(labels)}: at least two common seeds, tested on the same reviews, are needed."


def _undecided(others: Sequence[str], pairs: Mapping[str, Pair], tested: int) -> str:
    p_value = max(pairs[other].p_adjusted or 0.0 for other in others)
    subject = f"differences from {_listed(others)} are" if others[1:] else f"difference from {others[0]} is"
    return (
        f"The {subject} significant only before adjusting for {tested} pairs (adjusted p up to {p_value:.2g}); "
        "more seeds would decide."
    )


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
