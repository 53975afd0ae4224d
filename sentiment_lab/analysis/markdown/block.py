"""One block of a page: the question, the answer with its evidence, and how to reproduce it."""

from __future__ import annotations

from collections.abc import Sequence

from sentiment_lab.analysis.export import markdown_table
from sentiment_lab.analysis.markdown.figures import FIGURES, Figure, Part
from sentiment_lab.analysis.markdown.provenance import effort, machine, runs_of, sweep_command, versions
from sentiment_lab.analysis.markdown.tuning import TuningTrial, choice_tables, find_trials
from sentiment_lab.analysis.metrics import Metric, metric_named
from sentiment_lab.analysis.plots.style import svg_style
from sentiment_lab.analysis.report.sections import tag_rows
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.table import cells, headings, left_columns, pair_table, show_setting
from sentiment_lab.analysis.variants import MODEL, model_name, short_names
from sentiment_lab.analysis.verdict import caveats, verdict
from sentiment_lab.base.tables import DASH

SHOWN = ("best_validation_accuracy", "test_ece", "parameters", "epoch_seconds")
"""Metrics of a page's table in addition to the compared one."""
_BEST = "best_validation_accuracy"


def write_block(
    parts: Sequence[Part],
    *,
    within: str = "",
    figures: Sequence[str] = ("intervals",),
    folder: str,
    name: str,
) -> tuple[str, dict[str, str]]:
    """Return a block's Markdown, and its figures as SVG by file name.

    `folder` is the path from the page to its figures, whose names begin with `name`. Raises LabError if a figure
    cannot be drawn of these runs.
    """
    trials = [trial for part in parts for trial in find_trials(part.comparison.selection)]
    with svg_style():
        drawn = [figure for kind in figures for figure in FIGURES[kind](parts, within)]
    question = parts[0].comparison.selection.question
    sections = [
        f"**{question}**" if question else "",
        _verdicts(parts, within),
        _variants(parts, within, numbered="cost" in figures),
        *(_figure(figure, f"{folder}/{name}") for figure in drawn),
        _notes(parts),
        _pairs(parts),
        *_choices(trials),
        _provenance(parts, trials, within),
    ]
    charts = [figure.chart for figure in drawn if figure.chart]
    return "\n\n".join(filter(None, sections)), {f"{name}-{chart.name}.svg": chart.standalone for chart in charts}


def _verdicts(parts: Sequence[Part], within: str) -> str:
    if not within:
        return verdict(parts[0].comparison)
    return "\n".join(f"- {within} {part.label}: {verdict(part.comparison)}" for part in parts)


def _variants(parts: Sequence[Part], within: str, *, numbered: bool) -> str:
    """Return all variants in one table, with row numbers if a figure has too little space for their names."""
    columns = list(dict.fromkeys(column for part in parts for column in part.comparison.columns))
    metrics = _metrics(parts)
    names = short_names(columns)
    titles = headings(parts[0].comparison, metrics)[left_columns(parts[0].comparison) : -1]  # without the path
    lines = [[*_lead(within, within), *([names[one] for one in columns] or ["variant"]), *titles]]
    for part in parts:
        for row in part.comparison.rows:
            numbers = cells(part.comparison, row, metrics)[left_columns(part.comparison) : -1]
            settings = [_setting(row, one) for one in columns] or [row.label]
            lines.append([*_lead(within, part.label), *settings, *numbers])
    left = (len(columns) or 1) + bool(within)
    if numbered and any(tag.startswith("#") for tag in tag_rows(parts[0].comparison.rows).values()):
        lines = [["#", *lines[0]], *([str(number), *line] for number, line in enumerate(lines[1:], 1))]
        left += 1
    return markdown_table(lines, left=left)


def _lead(within: str, cell: str) -> list[str]:
    """Return the first column's cell, if the page compares within the values of a setting."""
    return [cell] if within else []


def _setting(row: VariantSummary, column: str) -> str:
    """Return a variant's value of a setting, even if all variants of its part have the same."""
    config = next(iter(row.variant.runs.values())).config
    if column in row.variant.settings:
        value = row.variant.settings[column]
    else:
        value = model_name(config) if column == MODEL else config.get(column, DASH)
    return show_setting(value)


def _metrics(parts: Sequence[Part]) -> list[Metric]:
    names = dict.fromkeys([parts[0].comparison.metric.name, *SHOWN])
    test_followed = any(run.outcome.validation_is_test for part in parts for run in runs_of(part.comparison))
    return [metric_named(name) for name in names if not (test_followed and name == _BEST)]


def _figure(figure: Figure, prefix: str) -> str:
    image = ""
    if figure.chart:
        alt = figure.chart.alt.replace("[", "(").replace("]", ")")
        image = f"![{alt}]({prefix}-{figure.chart.name}.svg)"
    return "\n\n".join(filter(None, [figure.caption, image, markdown_table(figure.table, left=1)]))


def _notes(parts: Sequence[Part]) -> str:
    notes = dict.fromkeys(note for part in parts for note in caveats(part.comparison, elsewhere=True))
    return "\n".join(f"- {note}" for note in notes)


def _pairs(parts: Sequence[Part]) -> str:
    """Return the table of pairs; none for several parts, whose verdicts contain the significant differences."""
    comparison = parts[0].comparison
    if len(parts) > 1 or not comparison.pairs:
        return ""
    titles, rows = pair_table(comparison, comparison.pairs)
    return _folded("Pairwise differences", markdown_table([list(titles), *rows], left=1))


def _choices(trials: Sequence[TuningTrial]) -> list[str]:
    tables = choice_tables(trials)
    return [_folded(f"Tuning of {caption}", markdown_table(lines, left=1)) for caption, lines in tables.items()]


def _provenance(parts: Sequence[Part], trials: Sequence[TuningTrial], within: str) -> str:
    runs = [run for part in parts for run in runs_of(part.comparison)]
    commands = dict.fromkeys(map(sweep_command, parts[0].comparison.selection.sweeps))
    again = "\n".join([*commands, f"sentiment-lab reproduce {runs[0].short_hash}"])
    text = f"{effort(runs, [trial.run for trial in trials])}; {machine(runs)}; {versions(runs)}."
    return "\n\n".join(
        [
            f"{text[0].upper()}{text[1:]}",
            _folded("Reproduce all runs, or one run by its hash", f"```\n{again}\n```\n\n{_hashes(parts, within)}"),
        ]
    )


def _hashes(parts: Sequence[Part], within: str) -> str:
    blocks = list(dict.fromkeys(block for part in parts for row in part.comparison.rows for block in row.variant.runs))
    lines = [[*_lead(within, within), "variant", *blocks]]
    for part in parts:
        for row in part.comparison.rows:
            runs = row.variant.runs
            hashes = [f"`{runs[one].short_hash}`" if one in runs else "" for one in blocks]
            lines.append([*_lead(within, part.label), row.label, *hashes])
    return markdown_table(lines, left=len(lines[0]))


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
