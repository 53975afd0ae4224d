"""Bringing the parent run of a sweep up to date with the sweep's record and its run folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.analysis.export import to_csv, to_markdown
from sentiment_lab.analysis.verdict import caveats, verdict
from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.sweep_records import SweepRecord, sweeps_folder
from sentiment_lab.sweeps.report import read_report

if TYPE_CHECKING:
    from sentiment_lab.tracking.store import Store


def open_parent(config: Config, record: SweepRecord, warn: Callable[[str], None]) -> None:
    """Create the parent run with the frozen list of jobs, before the first job looks for it."""
    if not config.tracking.enabled:
        return
    from sentiment_lab.tracking.store import open_store
    from sentiment_lab.tracking.sweep_parent import SweepParent

    store = open_store(config.tracking, config.paths)
    try:
        SweepParent.open(store, record.study, record.name, record.tags).log_text("jobs.json", record.text)
    except Exception as error:  # noqa: BLE001  # the sweep continues without a store
        warn(f"{store.message(error)}\n  the sweep continues; `sentiment-lab sync` adds it to the store afterwards")


def close_parent(
    config: Config, record: SweepRecord, comparison: Comparison | None, status: str, warn: Callable[[str], None]
) -> None:
    """Write comparison, report and status of the parent run; neither of the first two where no run succeeded."""
    if not config.tracking.enabled:
        return
    from sentiment_lab.tracking.store import open_store

    store = open_store(config.tracking, config.paths)
    folder, root = sweeps_folder(config.paths.store) / record.hash, Path(config.paths.runs).absolute()
    try:
        store.retry(lambda: mirror_sweep(store, record, root, folder, comparison, status))
    except Exception as error:  # noqa: BLE001  # the sweep is done, with or without a store
        warn(f"{store.message(error)}\n  the sweep's table is missing there; `sentiment-lab sync` adds it")


def mirror_sweep(
    store: Store,
    record: SweepRecord,
    root: Path,
    folder: Path,
    comparison: Comparison | None,
    status: str | None = None,
) -> None:
    """Bring a sweep's parent run up to date with its comparison, its folder and its run folders.

    Without a comparison, no table and no report is logged, not even one from an earlier execution. `status` is
    FINISHED, FAILED or KILLED; None derives it from the runs. Raises DeletedError when the parent was deleted, and the
    errors of MLflow.
    """
    from sentiment_lab.tracking.sweep_parent import SweepParent

    parent = SweepParent.open(store, record.study, record.name, record.tags)
    parent.log_text("jobs.json", record.text)
    for job in record.jobs:
        parent.adopt(job["hash"])
    runs = [run for _, run in record.runs(root)]
    files = {"table.csv": to_csv(comparison), **read_report(folder)} if comparison else {}
    parent.finish(status or _status(runs), _description(record, comparison), files)


def _description(record: SweepRecord, comparison: Comparison | None) -> str:
    """Return the parent's description in Markdown: question, verdict, table and caveats."""
    if comparison is None:
        return "\n\n".join(filter(None, [record.question, "No run succeeded."]))
    notes = [f"- {caveat}" for caveat in caveats(comparison)]
    return "\n\n".join(
        filter(None, [record.question, f"**{verdict(comparison)}**", to_markdown(comparison), "\n".join(notes)])
    )


def _status(runs: Sequence[RunFolder]) -> str:
    states = {run.state for run in runs}
    if states == {"complete"}:
        return "FINISHED"
    return "FAILED" if "failed" in states else "KILLED"
