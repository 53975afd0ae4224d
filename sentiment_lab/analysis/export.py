"""A comparison as Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.metrics import all_metrics
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.selection import StudyRun
from sentiment_lab.analysis.summaries import MetricSummary, VariantSummary
from sentiment_lab.analysis.table import cells, headings, left_columns, show_setting, shown_metrics
from sentiment_lab.analysis.verdict import caveats, verdict
from sentiment_lab.base.tables import DASH


def to_markdown(comparison: Comparison) -> str:
    """Return the variants as a Markdown table."""
    metrics = shown_metrics(comparison)
    rows = [cells(comparison, row, metrics) for row in comparison.rows]
    return markdown_table([headings(comparison, metrics), *rows], left=left_columns(comparison))


def markdown_table(lines: Sequence[Sequence[str]], left: int) -> str:
    """Return a Markdown table whose first line has the headings; the first `left` columns contain text."""
    if not lines:
        return ""
    marks = ["---"] * left + ["---:"] * (len(lines[0]) - left)
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in [lines[0], marks, *lines[1:]]
    )


def to_latex(comparison: Comparison) -> str:
    r"""Return the variants as a LaTeX table that needs `\usepackage{booktabs}`."""
    import pandas as pd

    metrics = shown_metrics(comparison)
    rows = [cells(comparison, row, metrics) for row in comparison.rows]
    frame = pd.DataFrame(rows, columns=headings(comparison, metrics))
    text = str(frame.to_latex(index=False, escape=True))
    return text.replace("±", r"$\pm$").replace(DASH, "--")


def to_csv(comparison: Comparison) -> str:
    """Return the variants as CSV: mean, standard deviation and interval of every metric, with all digits."""
    import csv
    import io

    names = list(all_metrics())
    columns = [f"{name}{suffix}" for name in names for suffix in ("", "_std", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variant", *comparison.columns, "runs", "letters", *columns, "execution_path", "hashes"])
    for row in comparison.rows:
        settings = [show_setting(row.variant.settings.get(column, "")) for column in comparison.columns]
        numbers = [value for name in names for value in _numbers(row.metrics.get(name))]
        hashes = " ".join(run.short_hash for run in row.variant.runs.values())
        variant = [row.label, *settings, len(row.variant.runs), row.letters]
        writer.writerow([*variant, *numbers, row.execution_path, hashes])
    return text.getvalue()


def to_plain(comparison: Comparison) -> dict[str, Any]:
    """Return the whole comparison as the content of one JSON document."""
    return {
        "study": comparison.selection.study,
        "question": comparison.selection.question,
        "metric": comparison.metric.name,
        "verdict": verdict(comparison),
        "notes": caveats(comparison),
        "variants": [_plain_row(row) for row in comparison.rows],
        "pairs": [_plain_pair(pair) for pair in comparison.pairs],
        "failed": [_plain_run(run) for run in comparison.failed],
        "unfinished": [_plain_run(run) for run in comparison.unfinished],
    }


def _numbers(summary: MetricSummary | None) -> list[float | str]:
    if summary is None:
        return [""] * 4
    return ["" if value is None else value for value in summary.numbers.values()]


def _plain_run(run: StudyRun) -> dict[str, Any]:
    return {"hash": run.short_hash, "name": run.name, "state": run.state, "reason": run.problem}


def _plain_row(row: VariantSummary) -> dict[str, Any]:
    return {
        "variant": row.label,
        "settings": row.variant.settings,
        "letters": row.letters,
        "seeds": row.variant.seeds,
        "hashes": {block: run.short_hash for block, run in row.variant.runs.items()},
        "execution_path": row.execution_path,
        "metrics": {name: summary.numbers for name, summary in row.metrics.items()},
    }


def _plain_pair(pair: Pair) -> dict[str, Any]:
    return {**asdict(pair), "blocks": list(pair.blocks), "significant": pair.significant}
