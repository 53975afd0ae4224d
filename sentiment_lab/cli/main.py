"""Entry point of `sentiment-lab`: runs a command and turns its errors into messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sentiment_lab.base.console import OutputError, protected_streams
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.portable import PortableError, restart_portable
from sentiment_lab.base.signals import install_handlers
from sentiment_lab.cli.exit_codes import FAILED, INTERRUPTED
from sentiment_lab.cli.parser import run_command


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (default: `sys.argv`) and exit with one of the codes in `exit_codes`.

    Errors that the user can fix are printed without a traceback.
    """
    install_handlers()
    with protected_streams():
        code = _run(sys.argv[1:] if arguments is None else arguments, may_restart=arguments is None)
        try:
            sys.stdout.flush()
        except OutputError as error:
            code = code or _print_errors(str(error), error.exit_code)
    sys.exit(code)


def _run(arguments: Sequence[str], *, may_restart: bool) -> int | str | None:
    try:
        _check_process()
        return run_command(_without_carriage_returns(arguments))
    except SystemExit as ended:  # help, or bad usage
        return ended.code
    except PortableError as error:
        if may_restart:
            restart_portable()
        return _print_errors(str(error), error.exit_code)
    except LabError as error:
        return _print_errors(str(error), error.exit_code)
    except KeyboardInterrupt as error:
        return _print_errors(str(error) or "interrupted", INTERRUPTED)
    except OSError as error:
        if error.errno is None:
            raise
        named = "" if error.filename is None else f"{error.filename}: "
        return _print_errors(f"{named}{error.strerror}", FAILED)


def _check_process() -> None:
    """Raise LabError where Python runs in a way in which no command works."""
    if sys.flags.optimize > 1:
        raise LabError("Hydra does not work without docstrings: unset PYTHONOPTIMIZE=2, or run python without -OO")
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise LabError("the current folder does not exist any more; change into another one") from error


def _without_carriage_returns(arguments: Sequence[str]) -> Sequence[str]:
    for word in arguments:
        if word.endswith("\r"):
            raise LabError(f"{word!r} ends with a carriage return: save the script with Unix line endings (dos2unix)")
    return arguments


def _print_errors(problems: str, code: int) -> int:
    for problem in problems.splitlines():
        print(f"error: {problem}", file=sys.stderr)
    return code
