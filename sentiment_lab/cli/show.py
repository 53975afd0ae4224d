"""`sentiment-lab show`: one run in full."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sentiment_lab.base.console import print_message
from sentiment_lab.base.tables import percent
from sentiment_lab.cli.runs import _facts
from sentiment_lab.config.schema import to_plain
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.listing import find_run
from sentiment_lab.runs.reproduction import Verdict, read_verdict
from sentiment_lab.training.progress import epoch_line


def show(root: str, prefix: str, *, as_json: bool) -> int:
    """Show one run whole.

    Raises RunError when the prefix names no run or several.
    """
    from sentiment_lab.runs.integrity import find_damage

    run = find_run(Path(root), prefix)
    for problem in find_damage(run):
        print_message(f"warning: {problem}")
    facts = {**_facts(run, run.events()), "config": run.config(), "overrides": run.overrides(), "folder": str(run.path)}
    if facts["state"] == "complete":
        facts["result"] = to_plain(run.result())
        facts["reproduction"] = read_verdict(run)
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print_run(run, facts)
    return 0


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
