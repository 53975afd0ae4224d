"""Published runs: the records in a page's folder, from which a run can be reproduced and compared by its hash.

Run folders are not published, because they hold weights and paths of one machine. Instead each page has a JSON Lines
file with one record per run: config, environment, the numbers of every epoch, digests of weights and predictions, and
the predicted labels of the test part. `predicted` is the number of test reviews, a colon, and the labels in base64: a
bit for each review (1 is positive) in the order of the sorted review ids, packed by `numpy.packbits`. Older records
lack it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.files import DamageError
from sentiment_lab.config.identity import SHORT, machine_independent
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.runs.folder import AmbiguousHashError, RunFolder
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.journal_callback import without_times
from sentiment_lab.runs.provenance import environment
from sentiment_lab.training.result import Result, result_from_plain, result_to_plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENDING = ".jsonl"
_FIRST = '{"config_hash": "'
"""Beginning of each line, so that a hash is found without parsing all lines."""


@dataclass(frozen=True)
class PublishedRun:
    """The published record of a complete run, with the interface of its folder."""

    plain: Mapping[str, Any]
    file: Path
    state = "complete"

    @property
    def short_hash(self) -> str:
        """First digits of the config hash."""
        return str(self.plain["config_hash"])[:SHORT]

    def config(self) -> dict[str, Any]:
        """Return the canonical config as plain data."""
        return dict(self.plain["config"])

    def overrides(self) -> list[str]:
        """Return the overrides that composed the run, without paths of its machine."""
        return list(self.plain["overrides"])

    def environment(self) -> dict[str, str]:
        """Return what its numbers depend on besides its config."""
        return dict(self.plain["environment"])

    def started(self) -> Event:
        """Return name and study of the run."""
        return {"name": self.plain["name"], "study": self.plain["study"]}

    def events(self) -> list[Event]:
        """Return the events of data, epochs, and changes between attempts."""
        return list(self.plain["events"])

    def result(self) -> Result:
        """Return the result.

        Raises DamageError when it cannot be read.
        """
        try:
            return result_from_plain(self.plain["result"])
        except ValueError as error:
            raise DamageError(f"{self.file}: the result of run {self.short_hash} cannot be read: {error}") from error

    def predictions_digest(self) -> str:
        """Return the digest of all predictions."""
        return str(self.plain["predictions"])

    def predicted_labels(self) -> NDArray[np.bool_] | None:
        """Return the predicted labels (reviews,) of the test part by review id; None for a record without them.

        Raises DamageError when they cannot be read.
        """
        if "predicted" not in self.plain:
            return None
        try:
            return _unpack(self.plain["predicted"])
        except ValueError as error:
            raise DamageError(f"{self.file}: the predicted labels of run {self.short_hash} cannot be read") from error


def lines_of(runs: Iterable[RunFolder]) -> str:
    """Return a line for each complete run.

    Raises RunError and DamageError for a folder that is incomplete or damaged.
    """
    return "".join(f"{json.dumps(_plain(run))}\n" for run in runs)


def find_published(prefix: str) -> PublishedRun | None:
    """Return the run whose hash begins with `prefix` from the pages in `./experiments` or this project's.

    Of several records of a run it is the one whose environment is most like this one, because numbers depend on the
    processor. Raises AmbiguousHashError when several runs share the prefix, DamageError for a line that cannot be read.
    """
    wanted = prefix.lower()
    matches = list(_matching(wanted)) if wanted else []
    hashes = sorted({run.short_hash for run in matches})
    if len(hashes) > 1:
        raise AmbiguousHashError(f"{prefix!r} is the prefix of several published runs: {', '.join(hashes)}")
    here = environment().items()
    return max(matches, key=lambda run: len(run.environment().items() & here), default=None)


def published_runs() -> Iterator[PublishedRun]:
    """Yield every record of the pages in `./experiments` and of this project's; of a run there may be several."""
    yield from _matching("")


def _matching(prefix: str) -> Iterator[PublishedRun]:
    for folder in dict.fromkeys((Path.cwd() / "experiments", resource_folder("experiments"))):
        for file in sorted(folder.glob(f"*/*{ENDING}")):
            for line in file.read_text(encoding="utf-8").splitlines():
                if line.startswith(_FIRST + prefix):
                    yield _read(line, file)


def _read(line: str, file: Path) -> PublishedRun:
    try:
        return PublishedRun(json.loads(line), file)
    except ValueError as error:
        raise DamageError(f"{file}: a line cannot be read: {error}") from error


def _plain(run: RunFolder) -> dict[str, Any]:
    started = run.started() or {}
    events = run.events()
    result = run.result()
    epochs = {event["epoch"]: event for event in events if event["event"] == "epoch"}
    differs = [line for event in events for line in event.get("differs", [])]
    parts = [{"parts": event["parts"]} for event in events if event["event"] == "data" and "parts" in event][-1:]
    hashes = {"data_hash": result.data_hash, "split_hash": result.split_hash}
    kept: list[dict[str, Any]] = [{"event": "data", **hashes, **(parts[0] if parts else {})}]
    kept += [{"event": "epoch", **without_times(epochs[number])} for number in sorted(epochs)]
    kept += [{"event": "started", "differs": differs}] if differs else []
    return {
        "config_hash": started["config_hash"],
        "name": started["name"],
        "study": started["study"],
        "config": run.config(),
        "overrides": machine_independent(run.overrides()),
        "environment": run.environment(),
        "events": kept,
        "result": result_to_plain(result),
        "predictions": run.predictions_digest(),
        "predicted": _pack(run.predicted_labels()),
    }


def _pack(labels: NDArray[np.bool_]) -> str:
    import numpy as np

    return f"{len(labels)}:{base64.b64encode(np.packbits(labels).tobytes()).decode()}"


def _unpack(text: str) -> NDArray[np.bool_]:
    """Return the labels (reviews,) of a packed text.

    Raises ValueError where it was changed.
    """
    import numpy as np

    count, _, packed = text.partition(":")
    bits = np.frombuffer(base64.b64decode(packed, validate=True), np.uint8)
    if len(bits) != -(-int(count) // 8):
        raise ValueError(f"{len(bits)} bytes for {count} reviews")
    return np.unpackbits(bits, count=int(count)).astype(bool)
