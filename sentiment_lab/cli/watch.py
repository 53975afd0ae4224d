"""`sentiment-lab runs --watch`: follow runs by reading their folders, also from another terminal or machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.live import Live
from rich.table import Table
from rich.text import Text

from sentiment_lab.base.console import console, is_terminal
from sentiment_lab.base.signals import check
from sentiment_lab.base.tables import percent
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.listing import read_journals

SECONDS = 2.0
"""Seconds between two readings of the folders."""


@dataclass(frozen=True)
class RunStatus:
    """The state of a run at one moment."""

    hash: str
    name: str
    state: str
    host: str
    epoch: Event | None
    """The last finished epoch."""
    reason: str

    @property
    def line(self) -> str:
        """The numbers of the last epoch, or the reason of a failure."""
        if self.state == "failed":
            return self.reason
        if self.epoch is None:
            return "no epoch finished"
        validation = self.epoch.get("validation_accuracy")
        return (
            f"epoch {self.epoch['epoch']}  loss {self.epoch['train_loss']:.4f}  "
            f"accuracy {percent(self.epoch['train_accuracy'])}  validation {percent(validation)}  "
            f"{self.epoch['tokens_per_second'] / 1000:.0f} ktokens/s"
        )


def watch(root: str, study: str | None) -> int:
    """Show the runs below a folder until Ctrl-C: in a terminal as a table, otherwise as a line for each change."""
    try:
        (_watch_terminal if is_terminal(sys.stdout) else _watch_lines)(Path(root), study)
    except KeyboardInterrupt:
        return 0
    return 0


def read_statuses(root: Path, study: str | None) -> dict[str, RunStatus]:
    """Return the status of each run below a folder by its hash; `study` selects the runs of one study."""
    statuses = {}
    for run, journal in read_journals(root):
        events = journal.events
        first = next((event for event in events if event["event"] == "started"), {})
        if study not in (None, first.get("study")):
            continue
        state = run.state
        holder = run.holder if state == "running" else None
        epochs = [event for event in events if event["event"] == "epoch"]
        reason = next((str(event["reason"]) for event in reversed(events) if "reason" in event), "")
        name, host = str(first.get("name") or ""), holder.host if holder else ""
        epoch = epochs[-1] if epochs else None
        statuses[run.short_hash] = RunStatus(run.short_hash, name, state, host, epoch, reason)
    return statuses


def changes(before: Mapping[str, RunStatus], now: Mapping[str, RunStatus]) -> Iterator[str]:
    """Yield a line for each run that is new, changed its state, or finished an epoch."""
    for name, status in now.items():
        if status != before.get(name):
            yield f"{status.hash}  {status.state:<11}  {status.name}  {status.line}"


def totals(now: Mapping[str, RunStatus]) -> str:
    """Return the number of runs in each state, such as "3 complete, 1 running"."""
    states = [status.state for status in now.values()]
    counts = [f"{states.count(state)} {state}" for state in ("complete", "running", "failed", "interrupted")]
    return ", ".join(count for count in counts if not count.startswith("0 ")) or "no runs"


def _watch_lines(root: Path, study: str | None) -> None:
    before: dict[str, RunStatus] = {}
    while True:
        check()
        now = read_statuses(root, study)
        for line in changes(before, now):
            print(line, flush=True)
        before = now
        time.sleep(SECONDS)


def _watch_terminal(root: Path, study: str | None) -> None:
    with Live(console=console(stderr=False), auto_refresh=False) as live:
        while True:
            check()
            live.update(_table(read_statuses(root, study)), refresh=True)
            time.sleep(SECONDS)


def _table(now: Mapping[str, RunStatus]) -> Table:
    table = Table.grid(padding=(0, 2))
    for status in now.values():
        if status.state in ("running", "failed"):
            cells = (status.hash, status.state, status.name, status.line, status.host)
            table.add_row(*(Text(cell) for cell in cells))
    table.add_row(Text(totals(now)))
    return table
