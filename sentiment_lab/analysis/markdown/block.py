"""One block of a page: the question, the answer with its evidence, and how to get it again."""

from __future__ import annotations

from collections.abc import Sequence

from sentiment_lab.analysis.export import cells, headings, markdown_table, pair_table, show_setting
from sentiment_lab.analysis.markdown.figures import FIGURES, Figure, Part
from sentiment_lab.analysis.markdown.provenance import effort, machine, runs_of, sweep_command, versions
from sentiment_lab.analysis.markdown.tuning import TuningTrial, choice_tables, find_trials
from sentiment_lab.analysis.metrics import METRICS, Metric
from sentiment_lab.analysis.plots.style import Chart, drawing
from sentiment_lab.analysis.report.sections import tag_rows
from sentiment_lab.analysis.summaries import VariantSummary
from sentiment_lab.analysis.variants import MODEL, model_name, short_names
from sentiment_lab.analysis.verdict import caveats, verdict
from sentiment_lab.base.tables import DASH

SHOWN = ("best_validation_accuracy", "test_ece", "parameters", "epoch_seconds")
"""Metrics of a page's table beside the compared one."""
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

    `folder` is where the page finds its figures, whose names begin with `name`. Raises LabError where a figure cannot
    be drawn of these runs.
    """
    tries = [one for part in parts for one in find_trials(part.comparison.selection)]
    with drawing():
        exhibits = [exhibit for name in figures for exhibit in FIGURES[name](parts, within)]
    drawn = {f"{name}-{exhibit.chart.name}.svg": exhibit.chart for exhibit in exhibits if exhibit.chart}
    question = parts[0].comparison.selection.question
    sections = [
        f"**{question}**" if question else "",
        *_answers(parts, within),
        _variants(parts, within, numbered="cost" in figures),
        *(_exhibit(exhibit, f"{folder}/{name}") for exhibit in exhibits),
        *_notes(parts),
        *_pairs(parts),
        *_choices(tries),
        _origin(parts, tries, within),
    ]
    texts = {file: chart.standalone for file, chart in drawn.items()}
    return "\n\n".join(filter(None, sections)), texts


def _answers(parts: Sequence[Part], within: str) -> list[str]:
    if not within:
        return [verdict(parts[0].comparison)]
    return ["\n".join(f"- {within} {part.told}: {verdict(part.comparison)}" for part in parts)]


def _variants(parts: Sequence[Part], within: str, *, numbered: bool) -> str:
    """Return all variants as one table; with a number each where a figure has no room for their names."""
    columns = list(dict.fromkeys(column for part in parts for column in part.comparison.columns))
    metrics = _metrics(parts)
    names = short_names(columns)
    titles = headings(parts[0].comparison, metrics)[len(parts[0].comparison.columns) or 1 : -1]  # not the path
    lines = [[*([within] if within else []), *([names[one] for one in columns] or ["variant"]), *titles]]
    for part in parts:
        for row in part.comparison.rows:
            told = cells(part.comparison, row, metrics)[len(part.comparison.columns) or 1 : -1]
            lead = [part.told] if within else []
            lines.append([*lead, *([_setting(row, one) for one in columns] or [row.label]), *told])
    left = (len(columns) or 1) + bool(within)
    if numbered and any(tag.startswith("#") for tag in tag_rows(parts[0].comparison.rows).values()):
        lines = [["#", *lines[0]], *([str(number), *line] for number, line in enumerate(lines[1:], 1))]
        left += 1
    return markdown_table(lines, left=left)


def _setting(row: VariantSummary, column: str) -> str:
    """Return what a variant has of a setting, also where it does not tell it from the others of its part."""
    config = next(iter(row.variant.runs.values())).config
    if column in row.variant.settings:
        value = row.variant.settings[column]
    else:
        value = model_name(config) if column == MODEL else config.get(column, DASH)
    return show_setting(value)


def _metrics(parts: Sequence[Part]) -> list[Metric]:
    chosen = dict.fromkeys([parts[0].comparison.metric.name, *SHOWN])
    same = any(run.outcome.validation_is_test for part in parts for run in runs_of(part.comparison))
    return [METRICS[name] for name in chosen if not (same and name == _BEST)]


def _exhibit(exhibit: Figure, prefix: str) -> str:
    image = _image(exhibit.chart, prefix) if exhibit.chart else ""
    return "\n\n".join(filter(None, [exhibit.caption, image, markdown_table(exhibit.table, left=1)]))


def _image(chart: Chart, prefix: str) -> str:
    alt = chart.alt.replace("[", "(").replace("]", ")")
    return f"![{alt}]({prefix}-{chart.name}.svg)"


def _notes(parts: Sequence[Part]) -> list[str]:
    told = dict.fromkeys(note for part in parts for note in caveats(part.comparison, elsewhere=True))
    return ["\n".join(f"- {note}" for note in told)] if told else []


def _pairs(parts: Sequence[Part]) -> list[str]:
    if len(parts) > 1:
        return []  # of each value its own: the answers say what was told apart
    comparison = parts[0].comparison
    if not comparison.pairs:
        return []
    titles, rows = pair_table(comparison, comparison.pairs)
    return [_folded("Differences of pairs", markdown_table([list(titles), *rows], left=1))]


def _choices(tries: Sequence[TuningTrial]) -> list[str]:
    return [_folded(f"How {caption}", markdown_table(lines, left=1)) for caption, lines in choice_tables(tries).items()]


def _origin(parts: Sequence[Part], tries: Sequence[TuningTrial], within: str) -> str:
    runs = [run for part in parts for run in runs_of(part.comparison)]
    commands = dict.fromkeys(map(sweep_command, parts[0].comparison.selection.sweeps))
    again = "\n".join([*commands, f"sentiment-lab reproduce {runs[0].short_hash}"])
    told = f"{effort(runs, [one.run for one in tries])}; {machine(runs)}; {versions(runs)}."
    return "\n\n".join(
        [
            f"{told[0].upper()}{told[1:]}",
            _folded("Run it again: all, or one run by its hash", f"```\n{again}\n```\n\n{_hashes(parts, within)}"),
        ]
    )


def _hashes(parts: Sequence[Part], within: str) -> str:
    blocks = list(dict.fromkeys(block for part in parts for row in part.comparison.rows for block in row.variant.runs))
    lines = [[*([within] if within else []), "variant", *blocks]]
    for part in parts:
        lead = [part.told] if within else []
        for row in part.comparison.rows:
            runs = row.variant.runs
            lines.append([*lead, row.label, *(f"`{runs[one].short_hash}`" if one in runs else "" for one in blocks)])
    return markdown_table(lines, left=len(lines[0]))


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
