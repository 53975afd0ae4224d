"""`sentiment-lab runs`: list the runs of a folder and their states."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_json, runs_folder

if TYPE_CHECKING:
    from sentiment_lab.runs.folder import RunFolder
    from sentiment_lab.runs.journal import Event

DAMAGED = "damaged"
RUN_HEADINGS = ("hash", "study", "run", "state", "test", "best validation", "epochs", "train s", "started")


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    parser = add_command(commands, "runs", run, "list the runs and their states, oldest first")
    parser.add_argument("--study", help="only the runs of this study")
    parser.add_argument("--watch", action="store_true", help="update the list until Ctrl-C")
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.watch:
        from sentiment_lab.cli.watch import watch

        return watch(runs_folder(options), options.study)
    return runs(runs_folder(options), options.study, as_json=options.json)


def runs(root: str, study: str | None, *, as_json: bool) -> int:
    """Print the runs below a folder, oldest first."""
    from sentiment_lab.base.tables import render
    from sentiment_lab.runs.listing import read_journals

    described = []
    for folder, journal in read_journals(Path(root)):
        run = describe_run(folder, journal.events)
        for problem in filter(None, (journal.damage, run["reason"] if run["state"] == DAMAGED else None)):
            print_message(f"warning: {problem}")
        if study in (None, run["study"]):
            described.append(run)
    if as_json:
        print(json.dumps(described, indent=2))
    elif not described:
        of_study = f" in the study {study!r}" if study else ""
        print_message(f"no runs below {root}{of_study}; `sentiment-lab train` creates one")
    else:
        render(console(stderr=False), RUN_HEADINGS, map(_cells, described), left=4)
    return 0


def describe_run(folder: RunFolder, events: Sequence[Event]) -> dict[str, Any]:
    """Return state, scores and times of a run as plain data; `events` are those of its journal."""
    starts = [event for event in events if event["event"] == "started"] or [{}]
    first, last = starts[0], starts[-1]
    state = folder.state
    headline, damage = _headline(folder) if state == "complete" else (None, None)
    accuracy, validation, seconds = headline or (None, None, None)
    holder = None if headline else folder.holder
    return {
        "hash": folder.short_hash,
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


def _headline(folder: RunFolder) -> tuple[tuple[float, float | None, float] | None, str | None]:
    """Return the main numbers of a result, or a message about its damage, so that one bad folder hides no other."""
    try:
        return folder.headline(), None
    except LabError as error:
        return None, str(error)


def _cells(run: dict[str, Any]) -> list[str]:
    from sentiment_lab.base.tables import percent

    seconds = run["train_seconds"]
    return [
        run["hash"],
        run["study"] or "",
        run["name"] or "",
        run["state"],
        percent(run["test_accuracy"]),
        percent(run["best_validation_accuracy"]),
        str(run["epochs"]),
        "" if seconds is None else f"{seconds:.1f}",
        (run["started"] or "")[:16].replace("T", " "),
    ]
