"""Ctrl-C and SIGTERM, which must reach a training even where Python drops the exception."""

from __future__ import annotations

import signal
from typing import NoReturn

_asked: list[str] = []


def install_handlers() -> None:
    """Turn SIGTERM into what Ctrl-C is, and remember both. A process that was started without Ctrl-C stays so."""
    _asked.clear()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def check() -> None:
    """Raise KeyboardInterrupt where one was asked for.

    A handler runs between any two instructions; what it raises within a finaliser or a weak reference's callback,
    of which TensorFlow has many, Python prints and drops.
    """
    if _asked:
        raise KeyboardInterrupt(_asked[0])


def _interrupt(number: int, frame: object) -> NoReturn:
    del frame
    _asked.append("interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}")
    raise KeyboardInterrupt(_asked[-1])
