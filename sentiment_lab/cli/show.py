"""`sentiment-lab show`: one run with its state, scores, epochs, config and files."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import print_message
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_hash, add_json, runs_folder
from sentiment_lab.cli.runs import describe_run

if TYPE_CHECKING:
    from sentiment_lab.runs.folder import RunFolder
    from sentiment_lab.training.result import Result


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    parser = add_command(commands, "show", run, "show one run: state, scores, epochs, config and files")
    add_hash(parser)
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return show(runs_folder(options), options.hash, as_json=options.json)


def show(root: str, prefix: str, *, as_json: bool) -> int:
    """Print everything about one run; damaged files are reported as warnings.

    Raises RunError if no run or several have this prefix.
    """
    from sentiment_lab.config.fields import to_plain
    from sentiment_lab.runs.integrity import find_damage
    from sentiment_lab.runs.listing import find_run
    from sentiment_lab.runs.reproduction import read_verdict

    folder = find_run(Path(root), prefix)
    for problem in find_damage(folder):
        print_message(f"warning: {problem}")
    described = describe_run(folder, folder.events())
    described |= {"config": folder.config(), "overrides": folder.overrides(), "folder": str(folder.path)}
    if described["state"] == "complete":
        described["result"] = to_plain(folder.result())
        described["reproduction"] = read_verdict(folder)
    if as_json:
        print(json.dumps(described, indent=2))
    else:
        _print_run(folder, described)
    return 0


def _print_run(folder: RunFolder, described: dict[str, Any]) -> None:
    from sentiment_lab.runs.reproduction import Verdict

    print(f"{described['name']}   {described['hash']}   {described['state']}")
    if described["holder"]:
        print(f"  being trained by {folder.holder}")
    elif described["state"] != "complete" and described["reason"]:
        print(f"  reason: {described['reason']}")
    print(f"  study {described['study']}, started {described['started']}")
    print("  " + shlex.join(["sentiment-lab", "train", *described["overrides"]]))
    if described["state"] == "complete":
        _print_result(folder.result())
        if described["reproduction"]:
            print(f"  reproduced: {Verdict.from_plain(described['reproduction'])}")
    print("\nconfig")
    print(json.dumps(described["config"], indent=2))
    print("\nfiles in " + described["folder"])
    for path in sorted(folder.path.iterdir()):
        print(f"  {path.name}{'/' if path.is_dir() else ''}")


def _print_result(result: Result) -> None:
    from sentiment_lab.base.tables import percent
    from sentiment_lab.training.progress import epoch_line

    print()
    for epoch in result.epochs:
        print(epoch_line(epoch))
    note = " (evaluated after each epoch as 'validation')" if result.validation_is_test else ""
    print(f"\n  test accuracy {percent(result.test.accuracy)} with the weights of epoch {result.kept_epoch}{note}")
    scores = result.test
    others = "".join(f", {name} {value:.4f}" for name, value in (scores.others or {}).items())
    main_scores = f"F1 {scores.f1:.4f}, ROC-AUC {scores.roc_auc:.4f}, ECE {scores.ece:.4f}"
    print(f"  test loss {scores.loss:.4f}, {main_scores}{others}")
    print(f"  {result.parameters:,} parameters, {result.train_seconds:.1f} s of training, path {result.execution_path}")
    print(f"  data {result.data_hash}\n  split {result.split_hash}\n  weights {result.weights_digest}")
