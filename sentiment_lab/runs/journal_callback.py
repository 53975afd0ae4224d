"""Writes the events of a run into its journal, each epoch once."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.files import StorageError
from sentiment_lab.runs.folder import RunError, RunFolder
from sentiment_lab.runs.journal import Event
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.result import EpochRecord, Result

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset

TIMES = ("epoch_seconds", "tokens_per_second")
"""What of an epoch is time, and may differ between equal runs."""


class JournalCallback(Callback):
    """Keeps the journal of a run, over as many attempts as it takes."""

    def __init__(self, folder: RunFolder, facts: Mapping[str, Any]) -> None:
        """Take what the first line says of the run, or what the line of a later attempt says of that one."""
        self._folder, self._facts = folder, facts
        written = (event for event in folder.events() if event["event"] == "epoch")
        self._epochs = {event["epoch"]: without_times(event) for event in written}

    def started(self) -> None:
        """Write who runs it."""
        self._append("started", host=socket.gethostname(), pid=os.getpid(), **self._facts)

    def data_ready(self, dataset: Dataset) -> None:
        """Write which reviews it has.

        Raises RunError when an earlier attempt had others.
        """
        now = {"data_hash": dataset.data_hash, "split_hash": dataset.split_hash}
        before = self._last("data")
        if before is None:
            self._append("data", **now, parts=dataset.describe())
        elif any(before[name] != value for name, value in now.items()):
            raise RunError(
                f"run {self._folder.short_hash} was begun with other reviews (data_hash {before['data_hash'][:12]}, "
                f"split_hash {before['split_hash'][:12]}) than are there now ({now['data_hash'][:12]}, "
                f"{now['split_hash'][:12]}); --force starts it again with these"
            )

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Write the epochs that a process did not come to write, and where training goes on."""
        for record in epochs:
            self.epoch_ended(record)
        self._append("resumed", epoch=len(epochs) + 1, steps=steps)

    def epoch_ended(self, record: EpochRecord) -> None:
        """Write the epoch's numbers, unless they stand there: an epoch trained again gives the same but for times."""
        numbers = without_times(asdict(record))
        if self._epochs.get(record.epoch) != numbers:
            self._append("epoch", **asdict(record))
            self._epochs[record.epoch] = numbers

    def completed(self, result: Result) -> None:
        """Write that the run is whole."""
        self._append("completed", weights_digest=result.weights_digest)

    def stopped(self, status: str, reason: str) -> None:
        """Write why it ended early, where there is room for it."""
        with suppress(StorageError):
            self._append(status, reason=reason)

    def _append(self, event: str, **facts: Any) -> None:
        self._folder.journal.append(event, **facts)

    def _last(self, name: str) -> Event | None:
        return next((event for event in reversed(self._folder.events()) if event["event"] == name), None)


def without_times(epoch: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an epoch is the same in two equal runs."""
    return {key: value for key, value in epoch.items() if key not in (*TIMES, "event", "time")}
