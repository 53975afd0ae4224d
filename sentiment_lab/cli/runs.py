"""`sentiment-lab runs` and `show`: what the run folders say. Neither tensorflow nor mlflow is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.tables import percent, render
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.journal import Event
from sentiment_lab.runs.listing import read_journals

DAMAGED = "damaged"
RUN_HEADINGS = ("hash", "study", "run", "state", "test", "best validation", "epochs", "train s", "started")


def runs(root: str, study: str | None, *, as_json: bool) -> int:
    """List the runs below a folder, oldest first."""
    found = []
    for run, reading in read_journals(Path(root)):
        facts = _facts(run, reading.events)
        for problem in filter(None, (reading.damage, facts["reason"] if facts["state"] == DAMAGED else None)):
            print_message(f"warning: {problem}")
        if study in (None, facts["study"]):
            found.append(facts)
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print_message(
            f"no runs below {root}"
            + (f" in the study {study!r}" if study else "")
            + "; `sentiment-lab train` makes one"
        )
    else:
        render(console(stderr=False), RUN_HEADINGS, [_cells(facts) for facts in found], left=4)
    return 0


def _facts(run: RunFolder, events: Sequence[Event]) -> dict[str, Any]:
    starts = [event for event in events if event["event"] == "started"] or [{}]
    first, last = starts[0], starts[-1]
    state = run.state
    headline, damage = _headline(run) if state == "complete" else (None, None)
    accuracy, validation, seconds = headline or (None, None, None)
    holder = None if headline else run.holder
    return {
        "hash": run.short_hash,
        "study": first.get("study"),
        "name": first.get("name"),
        "state": DAMAGED if damage else state,
        "reason": damage or next((event["reason"] for event in reversed(events) if "reason" in event), None),
        "test_accuracy": accuracy,
        "best_validation_accuracy": validation,
        "epochs": sum(event["event"] == "epoch" for event in events),
        "train_seconds": seconds,
        "started": last.get("time"),
        "holder": asdict(holder) if holder else None,
    }


def _headline(run: RunFolder) -> tuple[tuple[float, float | None, float] | None, str | None]:
    """Return the numbers of a result, or what is damaged: one bad folder hides no other."""
    try:
        return run.headline(), None
    except LabError as error:
        return None, str(error)


def _cells(facts: dict[str, Any]) -> list[str]:
    seconds = facts["train_seconds"]
    return [
        facts["hash"],
        facts["study"] or "",
        facts["name"] or "",
        facts["state"],
        percent(facts["test_accuracy"]),
        percent(facts["best_validation_accuracy"]),
        str(facts["epochs"]),
        "" if seconds is None else f"{seconds:.1f}",
        (facts["started"] or "")[:16].replace("T", " "),
    ]
