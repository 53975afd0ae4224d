"""Standard streams that are closed, full, of another encoding, or no terminal."""

from __future__ import annotations

import errno
import io

import pytest

from sentiment_lab.base.console import MessageStream, OutputError, ResultStream, degrade, is_terminal


class Failing(io.StringIO):
    """A stream whose device fails."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", r"sch\xf6n - 1 +/- 2 ... |# \U0001f600"),
        ("cp1252", r"schön – 1 ± 2 … |# \U0001f600"),  # noqa: RUF001
        ("utf-8", "schön – 1 ± 2 … │█ 😀"),  # noqa: RUF001
        (None, "schön – 1 ± 2 … │█ 😀"),  # noqa: RUF001
    ],
)
def test_what_an_encoding_lacks_is_written_as_ascii(encoding, written):
    assert degrade("schön – 1 ± 2 … │█ 😀", encoding) == written  # noqa: RUF001
    if encoding:
        raw = io.BytesIO()
        stream = ResultStream(io.TextIOWrapper(raw, encoding))
        stream.write("schön – 1 ± 2 … │█ 😀")  # noqa: RUF001
        stream.flush()
        assert raw.getvalue() == written.encode(encoding)


def test_half_of_a_surrogate_pair_is_escaped():
    assert degrade("a\udcff", "utf-8") == r"a\udcff"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "standard output cannot be written: No space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1, "standard output cannot be written: Disk quota exceeded"),
        (ValueError("I/O operation on closed file"), 1, "standard output cannot be written: it is closed"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 0, ""),
    ],
)
def test_a_result_that_cannot_be_written_ends_the_command_and_a_message_does_not(error, code, message):
    with pytest.raises(OutputError) as raised:
        ResultStream(Failing(error)).write("a result")
    assert raised.value.exit_code == code
    assert str(raised.value).startswith(message)
    assert MessageStream(Failing(error)).write("a message") == len("a message")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("term", "expected"), [("xterm", True), ("dumb", False), ("unknown", False), (None, True)])
def test_a_dumb_terminal_shows_lines(term, expected, monkeypatch):
    monkeypatch.delenv("TERM", raising=False)
    if term:
        monkeypatch.setenv("TERM", term)
    assert is_terminal(Terminal()) is expected


def test_a_stream_that_is_closed_or_has_no_isatty_is_no_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    closed = Terminal()
    closed.close()
    for stream in (None, object(), io.StringIO(), open(__file__, encoding="utf-8")):  # noqa: SIM115, PTH123
        assert not is_terminal(stream)
        assert not ResultStream(stream).isatty()
        getattr(stream, "close", lambda: None)()
        assert not is_terminal(stream)
