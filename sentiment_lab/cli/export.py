"""`sentiment-lab export`: write the network of a run for programs without this package."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.arguments import Commands, add_command, add_folders, add_hash, add_json, runs_folder

FORMATS = ("keras", "savedmodel", "onnx")


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = (
        "Writes a folder with the network, its vocabulary, the tokenizer, a README and examples, and checks that the "
        "written network gives the same probabilities."
    )
    parser = add_command(commands, "export", run, "write the network of a run for other programs", details)
    add_hash(parser)
    parser.add_argument("--format", choices=FORMATS, default="keras", help="default: %(default)s")
    parser.add_argument("--output", metavar="DIR", help="the new folder (default: HASH-FORMAT)")
    add_folders(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command.

    Raises RunError for an unknown hash and an incomplete run, LabError for a folder that exists, ExportError for a
    model that has no such form, StorageError where the folder cannot be written.
    """
    from sentiment_lab.cli.predict import find_trained

    run_folder = find_trained(runs_folder(options), options.hash)
    folder = Path(options.output or f"{run_folder.short_hash}-{options.format}")
    if folder.exists():
        raise LabError(f"{folder} exists already; name another folder with --output DIR")
    from sentiment_lab.models.classifier import load_classifier
    from sentiment_lab.models.export import export_model

    name = f"run {run_folder.short_hash}"
    difference = export_model(load_classifier(run_folder.model), options.format, folder, name)
    if options.json:
        print(json.dumps({"folder": str(folder), "format": options.format, "largest_difference": difference}, indent=2))
    else:
        print(
            f"{folder}: {name} as {options.format}, with the same probabilities (difference at most {difference:.1e})"
        )
        print(f"next: {folder / 'README.md'} shows how to use it")
    return 0
