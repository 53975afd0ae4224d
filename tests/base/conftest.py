"""Signals of the tests, whatever the process that started them had set."""

from __future__ import annotations

import signal

import pytest

from sentiment_lab.base import signals


@pytest.fixture
def default_signals():
    """SIGINT and SIGTERM as in a terminal, for this process and those that it starts; `nohup` ignores SIGINT."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signals._interruptions.clear()
    for number, handler in before.items():
        signal.signal(number, handler)
