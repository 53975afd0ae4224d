"""Terminal output: results on standard output, messages on standard error.

A character that the encoding of a stream lacks is written as ASCII. A message that cannot be written is dropped,
because what is computed matters more; a result that cannot be written ends the command.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from sentiment_lab.base.errors import LabError

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 140
"""Columns of a table that is written to a file or a pipe."""

_ASCII = {"±": "+/-", "…": "...", **dict(zip("–—─│·×≤≥█▁▂▃▄▅▆▇", "---|.x<>#__..--=", strict=True))}  # noqa: RUF001
_DEGRADE = "sentiment_lab.degrade"


class OutputError(LabError, ValueError):
    """Standard output that cannot be written. The text is empty where its reader ended, as in `| head`: no error."""

    def __init__(self, error: Exception) -> None:
        """Take the exception of the stream."""
        closed = isinstance(error, BrokenPipeError)
        reason = getattr(error, "strerror", None) or "it is closed"
        super().__init__("" if closed else f"standard output cannot be written: {reason}")
        self.exit_code = 0 if closed else 1


class _Stream:
    """A text stream whose encoding and whose `isatty` never fail; the rest is that of the stream behind it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        return _is_tty(self._stream)

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(degrade(text, getattr(self._stream, "encoding", None))))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def discard(self) -> None:
        """Send what is left in buffers to nowhere: Python would fail to write it when it exits."""
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def _attempt(self, action: Callable[[], object]) -> None:
        raise NotImplementedError


class MessageStream(_Stream):
    """Standard error: a text that cannot be written is dropped."""

    failed = False
    """Whether the last attempt to write failed."""

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (OSError, ValueError):  # ValueError: closed by Python
            self.failed = True
        else:
            self.failed = False


class ResultStream(_Stream):
    """Standard output: raises OutputError for a text that cannot be written."""

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except (OSError, ValueError) as error:
            self.discard()
            raise OutputError(error) from error


@contextmanager
def protected_streams() -> Iterator[None]:
    """Make the standard streams those that this module describes, until the block ends; a closed one is opened.

    The descriptor of a closed stream would otherwise be that of the next file, and libraries would print into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor
    before = sys.stdin, sys.stdout, sys.stderr
    results, messages = ResultStream(sys.stdout or _nowhere("r")), MessageStream(sys.stderr or _nowhere("w"))
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout, sys.stderr = cast("TextIO", results), cast("TextIO", messages)
    try:
        yield
    finally:
        messages.flush()
        if messages.failed:
            messages.discard()
        sys.stdin, sys.stdout, sys.stderr = before


def degrade(text: str, encoding: str | None) -> str:
    """Return a text without the characters that an encoding lacks: dashes and lines as ASCII, others as escapes."""
    return text.encode(encoding, _DEGRADE).decode(encoding) if encoding else text


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal on which the cursor can be moved."""
    return _is_tty(stream) and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def console(*, stderr: bool = True) -> Console:
    """Return the console for messages (standard error) or, with `stderr=False`, for results (standard output)."""
    from rich.console import Console  # takes 0.05 s, which `--help` and `--version` save

    terminal = _is_tty(sys.stderr if stderr else sys.stdout)
    return Console(stderr=stderr, highlight=False, soft_wrap=True, width=None if terminal else WIDTH)


def print_message(line: str) -> None:
    """Print a message to standard error. Brackets in it are text, not markup."""
    console().print(line, markup=False)


def _is_tty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # a notebook's stream, None, or closed
        return False


def _nowhere(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _to_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    plain = "".join(_ASCII.get(character, character) for character in error.object[error.start : error.end])
    return plain.encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error(_DEGRADE, _to_ascii)
