"""Entry point of `sentiment-lab`: runs a command and turns its errors into messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.portable import PortableError, restart_portable
from sentiment_lab.base.signals import install_handlers
from sentiment_lab.cli.exit_codes import DONE, FAILED, INTERRUPTED
from sentiment_lab.cli.parser import run_command

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (default: `sys.argv`) and exit with one of the codes in `exit_codes`.

    Errors that the user can fix are printed without a traceback.
    """
    install_handlers()
    try:
        code = run_command(_without_carriage_returns(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except PortableError as error:
        if arguments is None:
            restart_portable()
        code = _print_errors(str(error), error.exit_code)
    except LabError as error:
        code = _print_errors(str(error), error.exit_code)
    except KeyboardInterrupt as error:
        code = _print_errors(str(error) or "interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of standard output ended, as in `sentiment-lab runs | head`
        _discard_output()
        code = DONE
    except OSError as error:
        if error.filename is None and error.errno in _NO_SPACE:  # files of ours are named
            _discard_output()
            error.filename = "standard output cannot be written"
        if error.filename is None:
            raise
        code = _print_errors(f"{error.filename}: {error.strerror}", FAILED)
    sys.exit(code)


def _without_carriage_returns(arguments: Sequence[str]) -> Sequence[str]:
    for word in arguments:
        if word.endswith("\r"):
            raise LabError(f"{word!r} ends with a carriage return: save the script with Unix line endings (dos2unix)")
    return arguments


def _discard_output() -> None:
    """Discard what standard output still holds, which Python would write at its end and fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_errors(problems: str, code: int) -> int:
    for problem in problems.splitlines():
        print(f"error: {problem}", file=sys.stderr)
    return code
