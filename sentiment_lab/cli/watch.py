"""`sentiment-lab runs --watch`: what runs now, read from the folders, from another terminal or machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.live import Live
from rich.table import Table
from rich.text import Text

from sentiment_lab.base.console import console
from sentiment_lab.base.signals import check
from sentiment_lab.base.tables import percent
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.listing import read_journals

SECONDS = 2.0
"""Between two looks at the folders."""


@dataclass(frozen=True)
class Seen:
    """What a look at one run found."""

    hash: str
    name: str
    state: str
    host: str
    epoch: Event | None
    """The last epoch that ended."""
    reason: str

    @property
    def line(self) -> str:
        """What there is to say of it, after its name."""
        if self.state == "failed":
            return self.reason
        if self.epoch is None:
            return "no epoch has ended"
        held_out = self.epoch.get("validation_accuracy")
        return (
            f"epoch {self.epoch['epoch']}  loss {self.epoch['train_loss']:.4f}  "
            f"accuracy {percent(self.epoch['train_accuracy'])}  validation {percent(held_out)}  "
            f"{self.epoch['tokens_per_second'] / 1000:.0f} ktokens/s"
        )


def watch(root: str, study: str | None) -> int:
    """Show the runs below a folder until Ctrl-C: a table in a terminal, elsewhere a line for each change."""
    try:
        (_watch_terminal if console(stderr=False).is_terminal else _watch_lines)(Path(root), study)
    except KeyboardInterrupt:
        return 0
    return 0


def look(root: Path, study: str | None) -> dict[str, Seen]:
    """Return what is to be seen of each run, by hash."""
    found = {}
    for run, reading in read_journals(root):
        events = reading.events
        first = next((event for event in events if event["event"] == "started"), {})
        if study not in (None, first.get("study")):
            continue
        state = run.state
        holder = run.holder if state == "running" else None
        epochs = [event for event in events if event["event"] == "epoch"]
        reason = next((str(event["reason"]) for event in reversed(events) if "reason" in event), "")
        name, host = str(first.get("name") or ""), holder.host if holder else ""
        found[run.short_hash] = Seen(run.short_hash, name, state, host, epochs[-1] if epochs else None, reason)
    return found


def changes(before: Mapping[str, Seen], now: Mapping[str, Seen]) -> Iterator[str]:
    """Yield a line for each run that is new, in another state, or an epoch further."""
    for name, seen in now.items():
        if seen != before.get(name):
            yield f"{seen.hash}  {seen.state:<11}  {seen.name}  {seen.line}"


def totals(now: Mapping[str, Seen]) -> str:
    """Return how many runs are in which state."""
    states = [seen.state for seen in now.values()]
    counted = [f"{states.count(state)} {state}" for state in ("complete", "running", "failed", "interrupted")]
    return ", ".join(count for count in counted if not count.startswith("0 ")) or "no runs"


def _watch_lines(root: Path, study: str | None) -> None:
    before: dict[str, Seen] = {}
    while True:
        check()
        now = look(root, study)
        for line in changes(before, now):
            print(line, flush=True)
        before = now
        time.sleep(SECONDS)


def _watch_terminal(root: Path, study: str | None) -> None:
    with Live(console=console(stderr=False), auto_refresh=False) as live:
        while True:
            check()
            live.update(_table(look(root, study)), refresh=True)
            time.sleep(SECONDS)


def _table(now: Mapping[str, Seen]) -> Table:
    table = Table.grid(padding=(0, 2))
    for seen in now.values():
        if seen.state in ("running", "failed"):
            cells = (seen.hash, seen.state, seen.name, seen.line, seen.host)
            table.add_row(*(Text(cell) for cell in cells))
    table.add_row(Text(totals(now)))
    return table
