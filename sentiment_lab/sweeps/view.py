"""Terminal output of a sweep while it runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sentiment_lab.base.console import console, is_terminal, print_message
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.runs.job import Job
from sentiment_lab.training.callbacks import Progress
from sentiment_lab.training.progress import epoch_line
from sentiment_lab.training.result import EpochRecord, Result


class View:
    """Prints a line when a job starts, one per epoch if several jobs run at once, and one when a job ends."""

    def __init__(self, total: int, *, epochs: bool) -> None:
        """Expect `total` jobs; `epochs` prints a line per epoch, which the job's own process does not."""
        self._total, self._epochs = total, epochs
        self._numbers: dict[str, int] = {}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the view while the context is open."""
        yield

    def started(self, job: Job) -> None:
        """Show that a job starts."""
        self._numbers.setdefault(job.folder.short_hash, len(self._numbers) + 1)
        self._print(f"{self._label(job)} {job.name}  {job.folder.short_hash}")

    def progressed(self, job: Job, progress: Progress) -> None:
        """Show the progress of a job within its epoch."""

    def epoch_ended(self, job: Job, record: EpochRecord) -> None:
        """Show an epoch of a job."""
        if self._epochs:
            self._print(f"{self._label(job)}{epoch_line(record)}")

    def message(self, job: Job | None, line: str) -> None:
        """Show a message of a job, or of the executor."""
        self._print(f"{self._label(job)} {line}" if job else line)

    def ended(self, job: Job, result: Result | None, reason: str, *, stored: bool = False) -> None:
        """Show the result of a job, or the reason of its failure."""
        label = f"{self._label(job)}" if self._epochs else ""
        if result is None:
            self._print(f"{label}  failed: {reason}")
            return
        note = "   complete, not trained again (--force retrains it)" if stored else ""
        self._print(f"{label}  test accuracy {result.test.accuracy:.4f}{note}")

    def _label(self, job: Job) -> str:
        return f"[{self._numbers.get(job.folder.short_hash, '?')}/{self._total}]"

    def _print(self, line: str) -> None:
        print_message(line)


@dataclass
class _Row:
    """The row of a running job."""

    job: Job
    since: float = field(default_factory=time.monotonic)
    progress: Progress | None = None

    def cells(self) -> Sequence[str]:
        progress = self.progress
        if progress is None:
            return (self.job.name, "preparing", "", "", "", "")
        share = (progress.epoch - 1 + progress.step / progress.steps) / progress.epochs
        left = (time.monotonic() - self.since) * (1 / share - 1) if share else 0.0
        return (
            self.job.name,
            f"epoch {progress.epoch}/{progress.epochs}",
            f"loss {progress.loss:.4f}",
            f"accuracy {progress.accuracy:.4f}",
            f"{progress.tokens_per_second / 1000:.0f} ktokens/s",
            f"{left:.0f} s left",
        )


class LiveView(View):
    """Shows a table of the running jobs below the lines of the ended ones, for a terminal."""

    def __init__(self, total: int) -> None:
        super().__init__(total, epochs=False)
        self._rows: dict[str, _Row] = {}
        self._complete = self._failed = 0
        self._live = Live(get_renderable=self._render, console=console(), refresh_per_second=4, transient=True)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the table while the context is open."""
        with self._live:
            yield

    def started(self, job: Job) -> None:
        """Add a row."""
        self._numbers.setdefault(job.folder.short_hash, len(self._numbers) + 1)
        self._rows[job.folder.short_hash] = _Row(job)

    def progressed(self, job: Job, progress: Progress) -> None:
        """Update the row."""
        row = self._rows.get(job.folder.short_hash)
        if row:
            row.progress = progress

    def ended(self, job: Job, result: Result | None, reason: str, *, stored: bool = False) -> None:
        """Replace the row by a line."""
        self._rows.pop(job.folder.short_hash, None)
        self._complete += result is not None
        self._failed += result is None
        self._print(f"{self._label(job)} {job.name}  {job.folder.short_hash}")
        super().ended(job, result, reason, stored=stored)

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for row in self._rows.values():
            table.add_row(*(Text(cell) for cell in row.cells()))
        failed = f", {self._failed} failed" if self._failed else ""
        left = self._total - self._complete - self._failed - len(self._rows)
        return Group(table, Text(f"{self._complete} complete{failed}, {len(self._rows)} running, {left} waiting"))

    def _print(self, line: str) -> None:
        self._live.console.print(line, markup=False)


def build_view(launch: LaunchConfig, total: int) -> View:
    """Return the view that `launch.progress` asks for."""
    if launch.executor == "inline":  # the run's own progress callback shows its epochs
        return View(total, epochs=False)
    kind = launch.progress
    if kind == "auto":
        kind = "bar" if is_terminal(sys.stderr) else "lines"
    return LiveView(total) if kind == "bar" else View(total, epochs=kind == "lines")
