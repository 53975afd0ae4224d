"""The parser of all commands, built from the modules that own them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from sentiment_lab import __version__
from sentiment_lab.cli import (
    compare,
    data,
    diff,
    doctor,
    explain,
    export,
    plan,
    predict,
    promote,
    reproduce,
    runs,
    show,
    sync,
    train,
    ui,
)
from sentiment_lab.cli.arguments import Run

COMMANDS = (
    train,
    plan,
    runs,
    show,
    diff,
    compare,
    reproduce,
    predict,
    explain,
    export,
    promote,
    ui,
    sync,
    doctor,
    data,
)
"""In the order of the help. They import little themselves, so that `--help` starts fast."""

SEPARATOR = "--"
"""All arguments after it are texts or overrides, even if they begin with a dash."""
_MARK = "\0"  # no argument contains it

EXAMPLES = """\
examples:
  sentiment-lab train model=gru seed=1              train one run
  sentiment-lab plan model=gru,lstm seed=1,2,3      list the jobs of a sweep and its expected time
  sentiment-lab train -m model=gru,lstm seed=1,2,3  train the sweep: six runs below one MLflow parent run
  sentiment-lab train --help                        list all groups and settings
  sentiment-lab runs                                list the runs and their states
  sentiment-lab show 3f2a                           show one run; any unique prefix of its hash will do
  sentiment-lab diff 3f2a 81c0                      show the differences between two runs
  sentiment-lab compare                             compare the variants of the newest study
  sentiment-lab reproduce 3f2a                      repeat a run in a new folder and compare the results
  sentiment-lab predict 3f2a "I loved every minute" classify a text with a trained model
  sentiment-lab explain 3f2a "A dull film"          show which words the prediction depends on
  sentiment-lab export 3f2a --format onnx           write the network for programs without sentiment-lab
  sentiment-lab promote 3f2a --as champion          register a model under an alias
  sentiment-lab ui                                  browse all runs in MLflow
  sentiment-lab sync --to http://HOST:5000          copy the runs of this folder to an MLflow server
  sentiment-lab doctor                              check files, versions and the store, and show how to fix them
  sentiment-lab data info data=imdb                 describe the IMDB reviews

`sentiment-lab COMMAND --help` describes the options of a command.
"""


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Raises SystemExit (2) for invalid options, LabError for other errors that the user can fix.
    """
    arguments = list(arguments)
    if arguments[:1] == [train.NAME]:  # Hydra parses its arguments
        return train.run(argparse.Namespace(overrides=arguments[1:]))
    options = _parse(arguments)
    run: Run = options.run
    return run(options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _build_parser()
    options, rest = parser.parse_known_args(_marked(arguments))
    rest = [word for word in rest if word != SEPARATOR]
    # argparse accepts no overrides or texts after an option, as in `plan model=gru --json seed=1`.
    positional: list[str] | None = getattr(options, "overrides", getattr(options, "text", None))
    if rest and (positional is None or any(word.startswith("-") and word != "-" for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(map(_unmarked, rest))}")
    if positional is not None:
        positional += rest
    for name, value in vars(options).items():
        setattr(options, name, _unmarked(value))
    return options


def _marked(arguments: Sequence[str]) -> list[str]:
    """Mark the arguments after `--`, so that argparse takes none of them for an option.

    Versions of Python differ in what they do with `--` before the arguments of a command.
    """
    end = arguments.index(SEPARATOR) if SEPARATOR in arguments else len(arguments)
    return [*arguments[: end + 1], *(f"{_MARK}{word}" for word in arguments[end + 1 :])]


def _unmarked(value: Any) -> Any:
    """Return an argument, or a list of them, without marks and without `--` itself."""
    if isinstance(value, list):
        return [_unmarked(word) for word in value if word != SEPARATOR]
    return value.removeprefix(_MARK) if isinstance(value, str) else value


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "sentiment-lab",
        description="Experiments on recurrent networks for sentiment analysis.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sentiment-lab {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
