"""The commands. Each one imports what it needs when it runs, so that the others start at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.signals import install_handlers

DONE, FAILED, BAD_USAGE, KILLED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit: 0 done, 1 a run failed, 2 bad usage or config, 3 diverged, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    install_handlers()
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


def _refuse(problems: str, code: int = BAD_USAGE) -> int:
    for problem in problems.splitlines():
        print(f"error: {problem}", file=sys.stderr)
    return code


def _train(words: list[str]) -> int:
    from sentiment_lab.cli.train import train

    try:
        return train(words)
    except KeyboardInterrupt as error:
        said = str(error) or "interrupted"
        raise KeyboardInterrupt(f"{said}; the same command goes on from the last checkpoint") from error


def _command(words: Sequence[str]) -> int:
    from sentiment_lab.cli.parser import run_command

    return run_command(words)
