"""A comparison in the terminal, for papers and for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.metrics import METRICS, Metric
from sentiment_lab.analysis.pairwise import Pair
from sentiment_lab.analysis.summaries import MetricSummary, VariantSummary
from sentiment_lab.analysis.variants import short_names
from sentiment_lab.analysis.verdict import caveats, show_difference, verdict
from sentiment_lab.base.tables import DASH, render

QUALITY = ("test_accuracy", "best_validation_accuracy", "test_f1", "test_roc_auc", "test_ece")
COST = ("parameters", "epoch_seconds", "tokens_per_second", "train_seconds")
SPREAD = ("test_accuracy", "best_validation_accuracy")
"""Metrics that are shown with their spread; `to_csv` and `to_plain` give all of them."""
PAIR_HEADINGS = ("pair", "seeds", "difference (95 % interval)", "p (Holm)", "McNemar p by seed")
MOST_SEEDS = 3
"""Seeds whose p-values are shown one by one."""
MOST_SHOWN = 15
"""Pairs that a terminal shows; of more, those with the best variant."""


def render_comparison(console: Console, comparison: Comparison) -> None:
    """Print the variants, their pairs, the verdict and its caveats; in a narrow terminal quality and cost apart."""
    metrics = shown_metrics(comparison)
    whole = headings(comparison, metrics)
    rows = [cells(comparison, row, metrics) for row in comparison.rows]
    widths = [max(map(len, column)) + 2 for column in zip(whole, *rows, strict=True)]
    left = len(comparison.columns) or 1
    if sum(widths) <= console.width:
        render(console, whole, rows, left)
    else:
        for chosen in ([m for m in metrics if m.name not in COST], [m for m in metrics if m.name in COST]):
            apart = [cells(comparison, row, chosen) for row in comparison.rows]
            render(console, headings(comparison, chosen), apart, left)
    _render_pairs(console, comparison)
    console.print(verdict(comparison), highlight=False, markup=False)
    for caveat in caveats(comparison):
        console.print(f"note: {caveat}", highlight=False, markup=False)


def headings(comparison: Comparison, metrics: Sequence[Metric]) -> list[str]:
    """Return the headings of the columns that `cells` fills."""
    names = short_names(comparison.columns)
    titles: list[str] = [names[column] for column in comparison.columns] or ["variant"]
    for metric in metrics:
        titles += [metric.title, *(("95 % interval", "group") if metric is comparison.metric else ())]
    path = ["path"] if _with_path(metrics) else []
    return [*titles[: len(comparison.columns) or 1], "runs", *titles[len(comparison.columns) or 1 :], *path]


def cells(comparison: Comparison, row: VariantSummary, metrics: Sequence[Metric]) -> list[str]:
    """Return a row as text: what differs, seeds, each metric, of the compared one the interval and the letters."""
    settings = row.variant.settings
    texts = [show_setting(settings[column]) if column in settings else DASH for column in comparison.columns]
    texts = [*(texts or [row.label]), str(len(row.variant.runs))]
    for metric in metrics:
        summary = row.metrics.get(metric.name)
        texts.append(_mean(summary, metric, spread=metric is comparison.metric or metric.name in SPREAD))
        if metric is comparison.metric:
            texts += [_interval(summary, metric), row.letters]
    return [*texts, row.execution_path] if _with_path(metrics) else texts


def to_markdown(comparison: Comparison) -> str:
    """Return the variants as a table in Markdown."""
    metrics = shown_metrics(comparison)
    rows = [cells(comparison, row, metrics) for row in comparison.rows]
    return markdown_table([headings(comparison, metrics), *rows], left=len(comparison.columns) or 1)


def markdown_table(lines: Sequence[Sequence[str]], left: int) -> str:
    """Return lines as a table in Markdown, the first of them its headings; the first `left` columns are words."""
    if not lines:
        return ""
    marks = ["---"] * left + ["---:"] * (len(lines[0]) - left)
    whole = [lines[0], marks, *lines[1:]]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in whole)


def to_latex(comparison: Comparison) -> str:
    r"""Return the variants as a LaTeX table that needs `\usepackage{booktabs}`."""
    import pandas as pd

    metrics = shown_metrics(comparison)
    rows = [cells(comparison, row, metrics) for row in comparison.rows]
    frame = pd.DataFrame(rows, columns=headings(comparison, metrics))
    text = str(frame.to_latex(index=False, escape=True))
    return text.replace("±", r"$\pm$").replace(DASH, "--")


def to_csv(comparison: Comparison) -> str:
    """Return the variants as CSV: all metrics with all digits, mean, spread and both ends of the interval."""
    import csv
    import io

    columns = [f"{name}{end}" for name in METRICS for end in ("", "_spread", "_low", "_high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variant", *comparison.columns, "runs", "letters", *columns, "execution_path", "hashes"])
    for row in comparison.rows:
        settings = [show_setting(row.variant.settings.get(column, "")) for column in comparison.columns]
        numbers = [value for name in METRICS for value in _numbers(row.metrics.get(name))]
        hashes = " ".join(run.short_hash for run in row.variant.runs.values())
        facts = [row.label, *settings, len(row.variant.runs), row.letters, *numbers, row.execution_path, hashes]
        writer.writerow(facts)
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
        "pairs": [
            {**asdict(pair), "blocks": list(pair.blocks), "told_apart": pair.significant} for pair in comparison.pairs
        ],
        "unfinished": [
            {"hash": run.short_hash, "name": run.name, "state": run.state, "reason": run.problem}
            for run in comparison.unfinished
        ],
    }


def pair_table(comparison: Comparison, pairs: Sequence[Pair]) -> tuple[Sequence[str], list[list[str]]]:
    """Return headings and rows of pairs as text; McNemar's test is about accuracy alone."""
    rows = [_pair_cells(pair, comparison.metric) for pair in pairs]
    if any(pair.mcnemar for pair in pairs):
        return PAIR_HEADINGS, rows
    return PAIR_HEADINGS[:-1], [row[:-1] for row in rows]


def _pair_cells(pair: Pair, metric: Metric) -> list[str]:
    if pair.difference is None or pair.p_adjusted is None:
        return [f"{pair.first} over {pair.second}", str(len(pair.blocks)), "not known", "", _exact(pair)]
    told = f"{pair.p_adjusted:.2g}{' *' if pair.significant else ''}"
    shown = show_difference(pair.difference, metric)
    return [f"{pair.first} over {pair.second}", str(len(pair.blocks)), shown, told, _exact(pair)]


def _render_pairs(console: Console, comparison: Comparison) -> None:
    pairs = list(comparison.pairs)
    if len(pairs) > MOST_SHOWN:
        best = comparison.best.label
        pairs = [pair for pair in pairs if best in (pair.first, pair.second)]
    if pairs:
        render(console, *pair_table(comparison, pairs))


def shown_metrics(comparison: Comparison) -> list[Metric]:
    """Return the metrics of the tables: the compared one, quality, cost."""
    names = dict.fromkeys([comparison.metric.name, *QUALITY, *COST])
    return [METRICS[name] for name in names]


def _with_path(metrics: Sequence[Metric]) -> bool:
    """Tell whether the execution path is shown: beside the times that it explains."""
    return any(metric.name in COST for metric in metrics)


def show_setting(value: Any) -> str:
    """Return a setting's value as it is written in a config."""
    return value if isinstance(value, str) else ("null" if value is None else str(value).lower())


def _mean(summary: MetricSummary | None, metric: Metric, *, spread: bool) -> str:
    if summary is None:
        return DASH
    if summary.spread is None or not spread:
        return metric.show(summary.mean)
    return f"{metric.show(summary.mean).removesuffix(' %')} ± {metric.show(summary.spread)}"


def _interval(summary: MetricSummary | None, metric: Metric) -> str:
    if summary is None or summary.low is None or summary.high is None:
        return DASH
    return f"{metric.show(summary.low).removesuffix(' %')} to {metric.show(summary.high)}"


def _exact(pair: Pair) -> str:
    values = list(pair.mcnemar.values())
    if len(values) > MOST_SEEDS:
        return f"{min(values):.2g} to {max(values):.2g}"
    return ", ".join(f"{value:.2g}" for value in values)


def _numbers(summary: MetricSummary | None) -> tuple[float | str, ...]:
    if summary is None:
        return ("", "", "", "")
    return tuple("" if value is None else value for value in asdict(summary).values())


def _plain_row(row: VariantSummary) -> dict[str, Any]:
    return {
        "variant": row.label,
        "settings": row.variant.settings,
        "letters": row.letters,
        "seeds": row.variant.seeds,
        "hashes": {block: run.short_hash for block, run in row.variant.runs.items()},
        "execution_path": row.execution_path,
        "metrics": {name: asdict(summary) for name, summary in row.metrics.items()},
    }
