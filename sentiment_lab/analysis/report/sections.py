"""What each part of the page shows, or why it cannot."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sentiment_lab.analysis.agreement import Mistake, Panel, agreement, own_mistakes, share_reviews
from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.export import COST, MOST_SHOWN
from sentiment_lab.analysis.measures import by_length, by_probability, confusion
from sentiment_lab.analysis.metrics import METRICS
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.plots.comparison_charts import draw_cost, draw_forest
from sentiment_lab.analysis.plots.style import Chart
from sentiment_lab.analysis.plots.variant_charts import draw_calibrations, draw_courses, draw_lengths, read_courses
from sentiment_lab.analysis.predictions import TestPredictions
from sentiment_lab.analysis.summaries import ACCURACY, VariantSummary
from sentiment_lab.analysis.variants import MODEL
from sentiment_lab.base.errors import LabError
from sentiment_lab.config.identity import machine_independent
from sentiment_lab.runs.folder import RunFolder

NO_PREDICTIONS = "No variant has the predictions of all its runs on one list of reviews."
OTHER_REVIEWS = "The variants were tested on different reviews, so that this cannot be told."
_COSTS = {"train_seconds": "Training time", "parameters": "Parameters"}
_SHORT = 16
"""Characters of a name that still fits beside a point."""
_EXCERPT = 600

ReadTexts = Callable[[Sequence[str]], Mapping[str, str]]
"""Returns the texts of reviews by id; raises LabError where they cannot be read here."""


@dataclass(frozen=True)
class Charts:
    """The charts of one section by heading, or why there are none."""

    charts: Mapping[str, Chart] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Excerpts:
    """Reviews that one variant alone gets wrong, with texts where they can be read, or why there are none."""

    mistakes: Mapping[str, Sequence[Mistake]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    unread: str = ""
    """Why the texts are not there."""


@dataclass(frozen=True)
class Recipe:
    """How to run one run again."""

    block: str
    short_hash: str
    accuracy: float
    commands: Sequence[str]


def tag_rows(rows: Sequence[VariantSummary]) -> dict[str, str]:
    """Return what variants are called where there is little room: their names, their architectures', or numbers."""
    for names in ([row.label for row in rows], [str(row.variant.settings.get(MODEL, "")) for row in rows]):
        if len(set(names)) == len(names) and all(0 < len(name) <= _SHORT for name in names):
            return {row.label: name for row, name in zip(rows, names, strict=True)}
    return {row.label: f"#{number}" for number, row in enumerate(rows, 1)}


def draw_charts(comparison: Comparison, ranked: Sequence[VariantSummary], panels: Sequence[Panel]) -> dict[str, Charts]:
    """Draw all charts of the page, by section, for the variants given."""
    metric, tags = comparison.metric, tag_rows(comparison.rows)
    forest = draw_forest(_drawn_pairs(comparison), metric, tags)
    quality = METRICS[ACCURACY] if metric.name in COST else metric
    costs = {title: draw_cost(ranked, quality, name, tags) for name, title in _COSTS.items()}
    return {
        "pairs": Charts({"pairs": forest} if forest else {}, "" if forest else _untested(comparison)),
        "cost": Charts({title: chart for title, chart in costs.items() if chart}),
        "curves": Charts(draw_courses(read_courses(ranked))),
        **_answer_charts(ranked, panels),
    }


def confusion_tables(panels: Sequence[Panel]) -> dict[str, list[list[tuple[int, float]]]]:
    """Return count and share of the true label by variant, true label and given label, negative first."""
    tables = {}
    for panel in panels:
        counts = confusion(panel.tested).tolist()
        tables[panel.label] = [[(count, count / max(1, sum(row))) for count in row] for row in counts]
    return tables


def agreement_table(panels: Sequence[Panel]) -> dict[str, list[float | None]]:
    """Return the shares of reviews on which votes agree, a row a variant; empty where the reviews differ."""
    if not panels or not share_reviews(panels):
        return {}
    shares = agreement(panels).tolist()
    return {
        panel.label: [None if math.isnan(share) else share for share in row]
        for panel, row in zip(panels, shares, strict=True)
    }


def find_excerpts(panels: Sequence[Panel], read_texts: ReadTexts | None) -> Excerpts:
    """Return the reviews that are hard for one variant alone, and parts of their texts."""
    if not panels:
        return Excerpts(missing=NO_PREDICTIONS)
    if not share_reviews(panels):
        return Excerpts(missing=OTHER_REVIEWS)
    if len(panels) == 1:
        return Excerpts(missing="There is no other variant that could be right where this one is wrong.")
    mistakes = own_mistakes(panels)
    wanted = [mistake.review_id for found in mistakes.values() for mistake in found]
    if not wanted or read_texts is None:
        return Excerpts(mistakes, unread="their texts were not asked for" if wanted else "")
    try:
        texts = read_texts(wanted)
    except LabError as error:
        return Excerpts(mistakes, unread=str(error).partition("\n")[0][:300])
    return Excerpts(mistakes, {name: cut_text(text) for name, text in texts.items()})


def cut_text(text: str, most: int = _EXCERPT) -> str:
    """Return the middle of a review, at most so many characters between whole words; line breaks are kept."""
    plain = re.sub(r"\s*<br\s*/?>\s*", "\n", text).strip()
    if len(plain) <= most:
        return plain
    start = (len(plain) - most) // 2
    middle = plain[start : start + most]
    whole = re.sub(r"^\S{0,30}\s|\s\S{0,30}$", "", middle)
    return f"… {whole.strip()} …"


def find_recipes(rows: Sequence[VariantSummary], *, elsewhere: bool) -> dict[str, list[Recipe]]:
    """Return how to run each run again, by variant; `elsewhere` is on a machine that has other places."""
    return {
        row.label: [
            Recipe(block, run.short_hash, run.outcome.test.accuracy, _commands(run.folder, elsewhere=elsewhere))
            for block, run in row.variant.runs.items()
        ]
        for row in rows
    }


def _answer_charts(ranked: Sequence[VariantSummary], panels: Sequence[Panel]) -> dict[str, Charts]:
    """Draw what needs predictions, for the variants that have them."""
    if not panels:
        return dict.fromkeys(("lengths", "calibration"), Charts(missing=NO_PREDICTIONS))
    errors = {row.label: row.metrics["test_ece"].mean for row in ranked}
    lengths = {panel.label: by_length(panel.tested) for panel in panels}
    bins = {panel.label: [by_probability(chosen) for chosen in _each_and_all(panel)] for panel in panels}
    return {"lengths": Charts(draw_lengths(lengths)), "calibration": Charts(draw_calibrations(bins, errors))}


def _each_and_all(panel: Panel) -> list[Sequence[TestPredictions]]:
    return [panel.tested, *([answers] for answers in panel.tested)]


def _drawn_pairs(comparison: Comparison) -> Sequence[Pair]:
    """Return all pairs, or those with the best variant where all are too many for the eye."""
    if len(comparison.pairs) <= MOST_SHOWN:
        return comparison.pairs
    best = comparison.best.label
    return [pair for pair in comparison.pairs if best in (pair.first, pair.second)]


def _untested(comparison: Comparison) -> str:
    if len(comparison.rows) == 1:
        return "There is no other variant to compare with."
    return "No difference can be tested: that needs two seeds, tested on the same reviews, that both variants have."


def _commands(folder: RunFolder, *, elsewhere: bool) -> list[str]:
    commands = [f"sentiment-lab reproduce {folder.short_hash}", f"sentiment-lab show {folder.short_hash}"]
    try:
        words = machine_independent(folder.overrides()) if elsewhere else folder.overrides()
        return [*commands, shlex.join(["sentiment-lab", "train", *words])]
    except LabError:
        return commands  # what composed it was damaged; its config is what `reproduce` goes by
