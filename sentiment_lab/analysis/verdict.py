"""The answer in a sentence, and what it cannot say."""

from __future__ import annotations

from collections.abc import Sequence

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.metrics import Metric
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.statistics import LEVEL, Estimate
from sentiment_lab.analysis.summaries import MetricSummary, VariantSummary


def verdict(comparison: Comparison) -> str:
    """Say which variant is best, by how much, from which others it cannot be told apart, and why not."""
    best, metric = comparison.best, comparison.metric
    if metric.name not in best.metrics:
        return f"No run has a {metric.title}."
    opening = f"{best.label} has the best {metric.title}: {describe(best, metric)}."
    if len(comparison.rows) == 1:
        return f"{best.label}: {describe(best, metric)}; there is no other variant to compare it with."
    pairs = {pair.second if pair.first == best.label else pair.first: pair for pair in _with(best, comparison.pairs)}
    ahead = [other for other, pair in pairs.items() if pair.significant]
    likely = [other for other, pair in pairs.items() if _likely(pair)]
    level = [other for other, pair in pairs.items() if pair.difference and other not in {*ahead, *likely}]
    unknown = [other for other, pair in pairs.items() if not pair.difference]
    told = [_ahead(ahead, pairs, metric), _perhaps(likely, pairs, len(comparison.pairs)), _level(level)]
    return " ".join(filter(None, [opening, *told, _unknown(unknown)]))


def describe(row: VariantSummary, metric: Metric) -> str:
    """Return a variant's mean with its interval and the number of its runs."""
    summary, seeds = row.metrics[metric.name], len(row.variant.runs)
    runs = f"{seeds} run{'s' if seeds > 1 else ''}"
    return f"{metric.show(summary.mean)} ({interval(summary, metric)}{runs})"


def interval(summary: MetricSummary, metric: Metric) -> str:
    """Return the interval of a mean in words, nothing where it can't be known."""
    if summary.low is None or summary.high is None:
        return ""
    return f"95 % interval {metric.show(summary.low).removesuffix(' %')} to {metric.show(summary.high)}, "


def show_difference(difference: Estimate, metric: Metric) -> str:
    """Return a difference with its interval, of shares in percentage points."""
    values = (difference.value, difference.low, difference.high)
    if metric.in_percent:
        value, low, high = (f"{100 * number:+.2f}" for number in values)
        return f"{value} points ({low} to {high})"
    value, low, high = (f"{number:+.4g}" for number in values)
    return f"{value} ({low} to {high})"


def caveats(comparison: Comparison, *, elsewhere: bool = False) -> list[str]:
    """Return what the numbers leave open: single seeds, unfinished runs, predictions that are missing.

    `elsewhere` is for readers on other machines: places are those below the runs folder.
    """
    told = _caveats(comparison)
    if not elsewhere or not comparison.selection.runs:
        return told
    root = f"{comparison.selection.runs[0].folder.path.parent}/"
    return [text.replace(root, "") for text in told]


def _caveats(comparison: Comparison) -> list[str]:
    alone = [row.label for row in comparison.rows if len(row.variant.runs) == 1]
    told = list(comparison.notes)
    if alone:
        told.append(
            f"one run of {_listed(alone)}: how much another seed would change is not known, so no difference to it is "
            "tested (run more with seed=1,2,3)"
        )
    told += [_left_out(run.name, run.short_hash, run.state, run.problem) for run in comparison.unfinished]
    if any(run.outcome.validation_is_test for row in comparison.rows for run in row.variant.runs.values()):
        told.append("the test part was followed each epoch as validation, as the article does: both are one number")
    return told


def _left_out(name: str, short_hash: str, state: str, problem: str | None) -> str:
    reason = f" ({problem.splitlines()[0]})" if problem else ""
    return f"{name} {short_hash} is {state}{reason}: it is in no number"


def _with(best: VariantSummary, pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if best.label in (pair.first, pair.second)]


def _ahead(others: Sequence[str], pairs: dict[str, Pair], metric: Metric) -> str:
    if not others:
        return ""
    nearest = next(iter(others))
    difference = pairs[nearest].difference
    if difference is None:
        return ""
    rest = f", and more than {_listed(others[1:])}" if others[1:] else ""
    value, low, high = difference.value, difference.low, difference.high
    if not metric.higher_is_better:
        value, low, high = -value, -high, -low
    p_value = pairs[nearest].p_adjusted or 0.0
    shown = show_difference(Estimate(value, low, high, 0.0), metric).replace("+", "")
    word = "better than" if metric.higher_is_better else "lower than"
    return f"That is {shown}, p = {p_value:.2g} corrected, {word} {nearest}{rest}."


def _likely(pair: Pair) -> bool:
    """Tell whether a difference would hold if it were the only one that is tested."""
    return pair.difference is not None and not pair.significant and pair.difference.p_value < LEVEL


def _perhaps(others: Sequence[str], pairs: dict[str, Pair], tested: int) -> str:
    if not others:
        return ""
    p_value = max(pairs[other].p_adjusted or 0.0 for other in others)
    return (
        f"It is probably better than {_listed(others)}, but among {tested} pairs that may be chance (p up to "
        f"{p_value:.2g} corrected): more seeds would tell."
    )


def _level(others: Sequence[str]) -> str:
    return f"It cannot be told apart from {_listed(others)}." if others else ""


def _unknown(others: Sequence[str]) -> str:
    if not others:
        return ""
    return f"Against {_listed(others)} nothing can be said: a test needs two seeds that both have."


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
