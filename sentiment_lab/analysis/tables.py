"""Tables of runs: one row a variant, mean and spread over its seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sentiment_lab.result import Result

HEADINGS = ("variant", "seeds", "test accuracy", "best validation", "parameters", "s/epoch", "train s")


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    """All seeds of one config. Accuracies in [0, 1]; the spread is the sample standard deviation over seeds."""

    variant: str
    seeds: int
    test_accuracy: float
    test_accuracy_spread: float | None
    """None with one seed: a spread can't be known."""
    best_validation_accuracy: float | None
    parameters: int
    epoch_seconds: float
    """Mean over epochs and seeds of an epoch's training time."""
    train_seconds: float
    """Mean over seeds of the whole training."""


def summarise(runs: Iterable[tuple[str, Result]]) -> list[VariantRow]:
    """Return one row for each variant name, the best test accuracy first."""
    groups: dict[str, list[Result]] = {}
    for variant, result in runs:
        groups.setdefault(variant, []).append(result)
    rows = [_row(variant, results) for variant, results in groups.items()]
    return sorted(rows, key=lambda row: -row.test_accuracy)


def _row(variant: str, results: Sequence[Result]) -> VariantRow:
    accuracies = [result.test.accuracy for result in results]
    held_out = [r.best_validation_accuracy for r in results if r.best_validation_accuracy is not None]
    return VariantRow(
        variant=variant,
        seeds=len(results),
        test_accuracy=statistics.fmean(accuracies),
        test_accuracy_spread=statistics.stdev(accuracies) if len(results) > 1 else None,
        best_validation_accuracy=statistics.fmean(held_out) if held_out else None,
        parameters=max(result.parameters for result in results),
        epoch_seconds=statistics.fmean(epoch.epoch_seconds for result in results for epoch in result.epochs),
        train_seconds=statistics.fmean(result.train_seconds for result in results),
    )


def cells(row: VariantRow) -> list[str]:
    """Return a row as text under HEADINGS, accuracies in percent."""
    spread = "" if row.test_accuracy_spread is None else f" ± {100 * row.test_accuracy_spread:.2f}"
    return [
        row.variant,
        str(row.seeds),
        f"{100 * row.test_accuracy:.2f}{spread} %",
        percent(row.best_validation_accuracy),
        f"{row.parameters:,}",
        f"{row.epoch_seconds:.1f}",
        f"{row.train_seconds:.1f}",
    ]


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.2f} %"  # noqa: RUF001  # a dash is meant


def render(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> None:
    """Print a table; the first `left` columns are text, the others numbers."""
    table = Table(box=box.SIMPLE_HEAD)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(table)


def to_markdown(rows: Sequence[VariantRow]) -> str:
    """Return the table in Markdown."""
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_csv(rows: Sequence[VariantRow]) -> str:
    """Return the table as CSV with all digits."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, list(VariantRow.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()
