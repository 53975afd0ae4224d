"""The commands. Each one imports what it needs when it runs, so that the others start at once."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from sentiment_lab import __version__
from sentiment_lab.errors import LabError

DONE, FAILED, BAD_USAGE, KILLED = 0, 1, 2, 130

EXAMPLES = """\
examples:
  sentiment-lab train model=gru seed=1              one run
  sentiment-lab train -m model=gru,lstm seed=1,2,3  a sweep: six runs under one MLflow parent
  sentiment-lab train --help                        every group and setting
  sentiment-lab runs                                what was run, and how it ended
  sentiment-lab show 3f2a                           one run; any prefix of its hash that is unique serves
  sentiment-lab predict 3f2a "I loved every minute" judge a text with a trained model
  sentiment-lab ui                                  browse it all in MLflow
  sentiment-lab data info data=imdb                 what the real reviews are

`sentiment-lab COMMAND --help` says more about each.
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit: 0 done, 1 a run failed, 2 bad usage or config, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _train(words[1:]) if words[:1] == ["train"] else _command(words)
    except LabError as error:
        code = _refuse(str(error), error.exit_code)
    except KeyboardInterrupt as error:
        code = _refuse(str(error) or "interrupted", KILLED)
    except BrokenPipeError:  # the reader has seen enough, as in `sentiment-lab runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = DONE
    except OSError as error:
        if error.filename is None:
            raise
        code = _refuse(f"{error.filename}: {error.strerror}", FAILED)
    sys.exit(code)


def _terminate(number: int, frame: object) -> NoReturn:
    """Treat SIGTERM like Ctrl-C, so that a run says how it ended."""
    del frame
    raise KeyboardInterrupt(f"stopped by {signal.Signals(number).name}")


def _refuse(problems: str, code: int = BAD_USAGE) -> int:
    for problem in problems.splitlines():
        print(f"error: {problem}", file=sys.stderr)
    return code


def _train(words: list[str]) -> int:
    from sentiment_lab.commands.train import train

    return train(words)


def _command(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    description = "Experiments on recurrent networks for sentiment."
    parser = argparse.ArgumentParser("sentiment-lab", description=description, epilog=EXAMPLES, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"sentiment-lab {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands.add_parser("train", help="train one run, or a sweep with -m (its --help is Hydra's)", add_help=False)
    _add_runs(commands)
    _add_show(commands)
    _add_predict(commands)
    _add_ui(commands)
    _add_data(commands)
    return parser


def _add(commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _add_store(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    parser.add_argument(
        "--runs", metavar="DIR", default="mlruns/runs", help="folder of the runs (default: %(default)s)"
    )
    if json:
        parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_runs(commands: Any) -> None:
    parser = _add(commands, "runs", _runs, "list the runs of this folder, oldest first")
    parser.add_argument("--study", help="only runs of this study")
    _add_store(parser)


def _add_show(commands: Any) -> None:
    parser = _add(commands, "show", _show, "show one run: its state, scores, epochs, config and files")
    parser.add_argument("hash", help="config hash, or a prefix of it that is unique")
    _add_store(parser)


def _add_predict(commands: Any) -> None:
    parser = _add(commands, "predict", _predict, "judge texts with the model of a run")
    parser.add_argument("hash", help="config hash, or a prefix of it that is unique")
    parser.add_argument("text", nargs="*", help="texts to judge")
    parser.add_argument("--csv", metavar="FILE", help="judge a CSV's rows and print it with two columns more")
    parser.add_argument("--column", default="review", help="the CSV's column of texts (default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", help="write the CSV here, whole or not at all")
    _add_store(parser)


def _add_ui(commands: Any) -> None:
    parser = _add(commands, "ui", _ui, "open the MLflow UI on the runs' store")
    parser.add_argument("--store", metavar="DIR", default="mlruns", help="folder of the store (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default: %(default)s)")


def _add_data(commands: Any) -> None:
    parser = commands.add_parser("data", help="fetch the real reviews, or say what some data is")
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    fetch = _add(kinds, "fetch", _data_fetch, "download the IMDB reviews into the cache, unless they are there")
    fetch.add_argument("overrides", nargs="*", help="such as paths.cache=DIR")
    info = _add(kinds, "info", _data_info, "count reviews, lengths, duplicates; print the data_hash")
    info.add_argument("overrides", nargs="*", help="such as data=imdb data.path=FILE (default: the generated corpus)")
    info.add_argument("--json", action="store_true", help="print one JSON document")


def _runs(options: argparse.Namespace) -> int:
    from sentiment_lab.commands.browse import runs

    return runs(options.runs, options.study, as_json=options.json)


def _show(options: argparse.Namespace) -> int:
    from sentiment_lab.commands.browse import show

    return show(options.runs, options.hash, as_json=options.json)


def _predict(options: argparse.Namespace) -> int:
    from sentiment_lab.commands.predict import predict_csv, predict_texts

    if bool(options.csv) == bool(options.text):
        return _refuse("give texts to judge, or --csv FILE: one of the two")
    if options.csv:
        return predict_csv(options.runs, options.hash, options.csv, options.column, options.output)
    return predict_texts(options.runs, options.hash, options.text, as_json=options.json)


def _ui(options: argparse.Namespace) -> int:
    from sentiment_lab.commands.ui import ui

    return ui(options.store, options.port)


def _data_fetch(options: argparse.Namespace) -> int:
    from sentiment_lab.commands.data import data_fetch

    return data_fetch(options.overrides)


def _data_info(options: argparse.Namespace) -> int:
    from sentiment_lab.commands.data import data_info

    return data_info(options.overrides, as_json=options.json)
