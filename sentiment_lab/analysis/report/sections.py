"""The content of each section of the page, or the reason why it is missing."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sentiment_lab.analysis.agreement import Mistake, VariantPredictions, agreement, own_mistakes, share_reviews
from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.measures import by_length, by_probability, confusion_counts
from sentiment_lab.analysis.metrics import metric_named
from sentiment_lab.analysis.plots.comparison_charts import draw_differences
from sentiment_lab.analysis.plots.cost_chart import draw_cost
from sentiment_lab.analysis.plots.style import Chart
from sentiment_lab.analysis.plots.variant_charts import draw_calibrations, draw_curves, draw_lengths, read_curves
from sentiment_lab.analysis.summaries import ACCURACY, VariantSummary
from sentiment_lab.analysis.table import COST, shown_pairs
from sentiment_lab.analysis.variants import MODEL
from sentiment_lab.base.errors import LabError
from sentiment_lab.config.identity import machine_independent
from sentiment_lab.runs.folder import RunFolder

NO_PREDICTIONS = "No variant has predictions of all its runs on the same reviews."
OTHER_REVIEWS = "Not available: the variants were tested on different reviews."
NO_OTHER_VARIANT = "There is no other variant to compare with."
_COSTS = {"train_seconds": "Training time", "parameters": "Parameters"}
_SHORT = 16
"""Most characters of a name next to a point."""
_EXCERPT = 600
"""Most characters of an excerpt."""

ReadTexts = Callable[[Sequence[str]], Mapping[str, str]]
"""Returns the texts of reviews by id; raises LabError if they cannot be read on this machine."""


@dataclass(frozen=True)
class Charts:
    """The charts of one section by heading, or the reason why there are none."""

    charts: Mapping[str, Chart] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Excerpts:
    """Reviews that only one variant misclassifies, with their texts if available, or the reason why there are none."""

    mistakes: Mapping[str, Sequence[Mistake]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    unread: str = ""
    """Why the texts are missing."""


@dataclass(frozen=True)
class Recipe:
    """How to reproduce one run."""

    block: str
    short_hash: str
    accuracy: float
    commands: Sequence[str]


def tag_rows(rows: Sequence[VariantSummary]) -> dict[str, str]:
    """Return short names of variants for charts: their labels, their architectures, or their numbers."""
    for names in ([row.label for row in rows], [str(row.variant.settings.get(MODEL, "")) for row in rows]):
        if len(set(names)) == len(names) and all(0 < len(name) <= _SHORT for name in names):
            return {row.label: name for row, name in zip(rows, names, strict=True)}
    return {row.label: f"#{number}" for number, row in enumerate(rows, 1)}


def draw_charts(
    comparison: Comparison, ranked: Sequence[VariantSummary], variants: Sequence[VariantPredictions]
) -> dict[str, Charts]:
    """Draw all charts of the page, by section, for the given variants."""
    metric, tags = comparison.metric, tag_rows(comparison.rows)
    differences = draw_differences(shown_pairs(comparison), metric, tags)
    quality = metric_named(ACCURACY) if metric.name in COST else metric
    costs = {title: draw_cost(ranked, quality, name, tags) for name, title in _COSTS.items()}
    return {
        "pairs": Charts({"pairs": differences}) if differences else Charts(missing=_untested(comparison)),
        "cost": Charts({title: chart for title, chart in costs.items() if chart}),
        "curves": Charts(draw_curves(read_curves(ranked))),
        **_prediction_charts(ranked, variants),
    }


def confusion_tables(variants: Sequence[VariantPredictions]) -> dict[str, list[list[tuple[int, float]]]]:
    """Return count and share of the true label by variant, true label and predicted label, negative first."""
    tables = {}
    for variant in variants:
        counts = confusion_counts(*variant.pooled).tolist()
        tables[variant.label] = [[(count, count / max(1, sum(row))) for count in row] for row in counts]
    return tables


def agreement_table(variants: Sequence[VariantPredictions]) -> dict[str, list[float | None]]:
    """Return the shares of reviews on which votes agree, a row for each variant; empty if their reviews differ."""
    if not variants or not share_reviews(variants):
        return {}
    shares = agreement(variants).tolist()
    return {
        variant.label: [None if math.isnan(share) else share for share in row]
        for variant, row in zip(variants, shares, strict=True)
    }


def find_excerpts(variants: Sequence[VariantPredictions], read_texts: ReadTexts | None) -> Excerpts:
    """Return the reviews that only one variant misclassifies, and excerpts of their texts."""
    if not variants:
        return Excerpts(missing=NO_PREDICTIONS)
    if not share_reviews(variants):
        return Excerpts(missing=OTHER_REVIEWS)
    if len(variants) == 1:
        return Excerpts(missing=NO_OTHER_VARIANT)
    mistakes = own_mistakes(variants)
    ids = [mistake.review_id for own in mistakes.values() for mistake in own]
    if not ids or read_texts is None:
        return Excerpts(mistakes, unread="their texts were not requested" if ids else "")
    try:
        texts = read_texts(ids)
    except LabError as error:
        return Excerpts(mistakes, unread=str(error).partition("\n")[0][:300])
    return Excerpts(mistakes, {name: cut_text(text) for name, text in texts.items()})


def cut_text(text: str, most: int = _EXCERPT) -> str:
    """Return the middle of a review, at most `most` characters cut between words; line breaks are kept."""
    plain = re.sub(r"\s*<br\s*/?>\s*", "\n", text).strip()
    if len(plain) <= most:
        return plain
    start = (len(plain) - most) // 2
    middle = plain[start : start + most]
    words = re.sub(r"^\S{0,30}\s|\s\S{0,30}$", "", middle)
    return f"… {words.strip()} …"


def find_recipes(rows: Sequence[VariantSummary], *, elsewhere: bool) -> dict[str, list[Recipe]]:
    """Return the commands for each run, by variant; `elsewhere` leaves out the settings of this machine."""
    return {
        row.label: [
            Recipe(block, run.short_hash, run.outcome.test.accuracy, _commands(run.folder, elsewhere=elsewhere))
            for block, run in row.variant.runs.items()
        ]
        for row in rows
    }


def _prediction_charts(ranked: Sequence[VariantSummary], variants: Sequence[VariantPredictions]) -> dict[str, Charts]:
    """Draw the charts that need predictions, for the variants that have them."""
    if not variants:
        return dict.fromkeys(("lengths", "calibration"), Charts(missing=NO_PREDICTIONS))
    errors = {row.label: row.metrics["test_ece"].mean for row in ranked}
    lengths = {variant.label: by_length(variant.reviews.tokens, variant.correct) for variant in variants}
    bins = {
        variant.label: [
            by_probability(*variant.pooled),
            *(by_probability(run.labels, run.probabilities) for run in variant.runs),
        ]
        for variant in variants
    }
    return {"lengths": Charts(draw_lengths(lengths)), "calibration": Charts(draw_calibrations(bins, errors))}


def _untested(comparison: Comparison) -> str:
    if len(comparison.rows) == 1:
        return NO_OTHER_VARIANT
    return "No difference is testable: at least two common seeds, tested on the same reviews, are needed."


def _commands(folder: RunFolder, *, elsewhere: bool) -> list[str]:
    commands = [f"sentiment-lab reproduce {folder.short_hash}", f"sentiment-lab show {folder.short_hash}"]
    try:
        overrides = machine_independent(folder.overrides()) if elsewhere else folder.overrides()
        return [*commands, shlex.join(["sentiment-lab", "train", *overrides])]
    except LabError:
        return commands  # the overrides are damaged; `reproduce` needs only the config
