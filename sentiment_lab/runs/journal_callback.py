"""The callback that writes the events of a run to its journal, each epoch once."""

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
"""Fields of an epoch that measure time and so may differ between identical runs."""


class JournalCallback(Callback):
    """Writes the journal of a run, over all its attempts."""

    def __init__(self, folder: RunFolder, metadata: Mapping[str, Any]) -> None:
        """Take the metadata for the `started` event: of the run on its first attempt, else of this attempt."""
        self._folder, self._metadata = folder, metadata
        written = (event for event in folder.events() if event["event"] == "epoch")
        self._epochs = {event["epoch"]: without_times(event) for event in written}

    def started(self) -> None:
        """Write host and process id, with the metadata."""
        self._append("started", host=socket.gethostname(), pid=os.getpid(), **self._metadata)

    def data_ready(self, dataset: Dataset) -> None:
        """Write the hashes of data and split.

        Raises RunError when an earlier attempt had other reviews.
        """
        now = {"data_hash": dataset.data_hash, "split_hash": dataset.split_hash}
        before = self._last("data")
        if before is None:
            self._append("data", **now, parts=dataset.describe())
        elif any(before[name] != value for name, value in now.items()):
            raise RunError(
                f"run {self._folder.short_hash} was started with other reviews (data_hash {before['data_hash'][:12]}, "
                f"split_hash {before['split_hash'][:12]}) than the current ones ({now['data_hash'][:12]}, "
                f"{now['split_hash'][:12]}); --force restarts it with these"
            )

    def resumed(self, epochs: Sequence[EpochRecord], steps: int) -> None:
        """Write the epochs of the checkpoint that the journal lacks, and where training resumes."""
        for record in epochs:
            self.epoch_ended(record)
        self._append("resumed", epoch=len(epochs) + 1, steps=steps)

    def epoch_ended(self, record: EpochRecord) -> None:
        """Write the epoch's numbers unless the journal has them: an epoch trained again differs only in times."""
        numbers = without_times(asdict(record))
        if self._epochs.get(record.epoch) != numbers:
            self._append("epoch", **asdict(record))
            self._epochs[record.epoch] = numbers

    def completed(self, result: Result) -> None:
        """Write that the run is complete."""
        self._append("completed", weights_digest=result.weights_digest)

    def stopped(self, status: str, reason: str) -> None:
        """Write why the run ended early, unless the disk is full."""
        with suppress(StorageError):
            self._append(status, reason=reason)

    def _append(self, event: str, **fields: Any) -> None:
        self._folder.journal.append(event, **fields)

    def _last(self, name: str) -> Event | None:
        return next((event for event in reversed(self._folder.events()) if event["event"] == name), None)


def without_times(epoch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an epoch that are equal in two identical runs."""
    return {key: value for key, value in epoch.items() if key not in (*TIMES, "event", "time")}
