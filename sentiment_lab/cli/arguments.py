"""Arguments that several commands share, so that they have the same names and meaning everywhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Where a command adds its parser."""
Run = Callable[[argparse.Namespace], int]
"""Runs a command with its parsed options and returns the exit code."""


def add_command(commands: Commands, name: str, run: Run, summary: str, details: str = "") -> argparse.ArgumentParser:
    """Add the parser of a command. `summary` is its line in the list of commands; `details` continue its own help."""
    description = f"{summary[0].upper()}{summary[1:]}. {details}".strip()
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=description)
    parser.set_defaults(run=run)
    return parser


def add_hash(parser: argparse.ArgumentParser, name: str = "hash", *, of: str = "the run") -> None:
    """Add the hash of a run."""
    parser.add_argument(name, metavar="HASH", help=f"config hash of {of}, or a unique prefix of it")


def add_overrides(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Add the settings of a command that composes a config; the folders are among them."""
    text = f"settings as KEY=VALUE, such as {', '.join(examples)}; " if examples else "settings as KEY=VALUE; "
    text += "paths.store=DIR and paths.runs=DIR set the folders of the MLflow store and of the runs"
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help=text)


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Add the folders of a command that composes no config; `runs_folder` returns the one of the runs."""
    store = "folder of the MLflow store and of the sweeps (default: %(default)s)"
    parser.add_argument("--store", metavar="DIR", default="mlruns", help=store)
    parser.add_argument("--runs", metavar="DIR", help="folder of the runs (default: STORE/runs)")


def runs_folder(options: argparse.Namespace) -> str:
    """Return the folder of the runs that the options of `add_folders` name."""
    return str(options.runs or Path(options.store) / "runs")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
