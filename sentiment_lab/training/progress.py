"""The display of a training: a progress bar in a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from sentiment_lab.base.console import console, is_terminal, print_message
from sentiment_lab.config.settings import LaunchConfig
from sentiment_lab.training.callbacks import Callback, Progress
from sentiment_lab.training.result import EpochRecord


def build_progress(launch: LaunchConfig) -> Callback:
    """Return the callback that `launch.progress` selects."""
    kind = launch.progress
    if kind == "auto":
        kind = "bar" if is_terminal(sys.stderr) else "lines"
    return {"bar": ProgressBar, "lines": ProgressLines, "none": Callback}[kind]()


class ProgressLines(Callback):
    """One line for each epoch."""

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Print where training resumes."""
        finished = f"{len(epochs)} epoch{'' if len(epochs) == 1 else 's'}"
        within = f" and {steps} step{'' if steps == 1 else 's'} of the next one" if steps else ""
        print_message(f"  resuming after {finished}{within}")

    def epoch_ended(self, record: EpochRecord) -> None:
        """Print the epoch's numbers."""
        print_message(epoch_line(record))


class ProgressBar(ProgressLines):
    """A bar over the batches of an epoch, with loss, accuracy, tokens/s and time left; a line when it ends."""

    def __init__(self) -> None:
        self._bar: Bar | None = None

    def batch_ended(self, progress: Progress) -> None:
        """Advance the progress bar."""
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.start()
            self._bar.add_task("", total=progress.steps)
        text = (
            f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.4f}  accuracy {progress.accuracy:.4f}  "
            f"{progress.tokens_per_second / 1000:.0f} ktokens/s"
        )
        self._bar.update(self._bar.task_ids[0], completed=progress.step, description=text)

    def epoch_ended(self, record: EpochRecord) -> None:
        """Replace the bar by the epoch's line."""
        self._end()
        super().epoch_ended(record)

    def stopped(self, status: str, reason: str) -> None:  # noqa: ARG002
        """Remove the progress bar."""
        self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def epoch_line(record: EpochRecord) -> str:
    """Return the numbers of an epoch in one line."""
    validation = ""
    if record.validation_loss is not None and record.validation_accuracy is not None:
        validation = f"   validation loss {record.validation_loss:.4f} accuracy {record.validation_accuracy:.4f}"
    return (
        f"  epoch {record.epoch}   train loss {record.train_loss:.4f} accuracy {record.train_accuracy:.4f}{validation}"
        f"   {record.epoch_seconds:.1f} s   {record.tokens_per_second / 1000:.0f} ktokens/s"
    )


def _new_bar() -> Bar:
    columns = (TextColumn("  {task.description}"), BarColumn(bar_width=20), TimeRemainingColumn(compact=True))
    return Bar(*columns, console=console(), transient=True)
