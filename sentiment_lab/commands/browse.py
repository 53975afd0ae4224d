"""`sentiment-lab runs` and `show`: what the run folders say. Neither tensorflow nor mlflow is needed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sentiment_lab.analysis.tables import percent, render
from sentiment_lab.errors import LabError
from sentiment_lab.journal import Event
from sentiment_lab.progress import console, epoch_line, say
from sentiment_lab.reproduction import Verdict, read_verdict
from sentiment_lab.rundir import RunFolder, find_run, read_journals
from sentiment_lab.schema import to_plain

DAMAGED = "damaged"
RUN_HEADINGS = ("hash", "study", "run", "state", "test", "best validation", "epochs", "train s", "started")


def runs(root: str, study: str | None, *, as_json: bool) -> int:
    """List the runs below a folder, oldest first."""
    found = []
    for run, reading in read_journals(Path(root)):
        facts = _facts(run, reading.events)
        for problem in filter(None, (reading.damage, facts["reason"] if facts["state"] == DAMAGED else None)):
            say(f"warning: {problem}")
        if study in (None, facts["study"]):
            found.append(facts)
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        say(
            f"no runs below {root}"
            + (f" in the study {study!r}" if study else "")
            + "; `sentiment-lab train` makes one"
        )
    else:
        render(console(stderr=False), RUN_HEADINGS, [_cells(facts) for facts in found], left=4)
    return 0


def show(root: str, prefix: str, *, as_json: bool) -> int:
    """Show one run whole.

    Raises RunError when the prefix names no run or several.
    """
    from sentiment_lab.integrity import find_damage

    run = find_run(Path(root), prefix)
    for problem in find_damage(run):
        say(f"warning: {problem}")
    facts = {**_facts(run, run.events()), "config": run.config(), "overrides": run.overrides(), "folder": str(run.path)}
    if facts["state"] == "complete":
        facts["result"] = to_plain(run.result())
        facts["reproduction"] = read_verdict(run)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print_run(run, facts)
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


def _print_run(run: RunFolder, facts: dict[str, Any]) -> None:
    import shlex

    print(f"{facts['name']}   {facts['hash']}   {facts['state']}")
    if facts["holder"]:
        print(f"  being trained by {run.holder}")
    elif facts["state"] != "complete" and facts["reason"]:
        print(f"  reason: {facts['reason']}")
    print(f"  study {facts['study']}, started {facts['started']}")
    print("  " + shlex.join(["sentiment-lab", "train", *facts["overrides"]]))
    if facts["state"] == "complete":
        _print_result(run)
        if facts["reproduction"]:
            print(f"  reproduced: {Verdict.from_plain(facts['reproduction'])}")
    print("\nconfig")
    json.dump(facts["config"], sys.stdout, indent=2)
    print("\n\nfiles in " + facts["folder"])
    for path in sorted(run.path.iterdir()):
        print(f"  {path.name}{'/' if path.is_dir() else ''}")


def _print_result(run: RunFolder) -> None:
    result = run.result()
    print()
    for epoch in result.epochs:
        print(epoch_line(epoch))
    kept = f"epoch {result.kept_epoch}'s weights"
    print(f"\n  test accuracy {percent(result.test.accuracy)} with {kept}", end="")
    print(" (followed each epoch as 'validation')" if result.validation_is_test else "")
    scores = result.test
    print(f"  test loss {scores.loss:.4f}, F1 {scores.f1:.4f}, ROC-AUC {scores.roc_auc:.4f}, ECE {scores.ece:.4f}")
    print(f"  {result.parameters:,} parameters, {result.train_seconds:.1f} s of training, path {result.execution_path}")
    print(f"  data {result.data_hash}\n  split {result.split_hash}\n  weights {result.weights_digest}")
