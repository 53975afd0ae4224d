"""SIGINT (Ctrl-C) and SIGTERM, recorded so that an interruption survives where Python drops its exception."""

from __future__ import annotations

import signal
from typing import NoReturn

_interruptions: list[str] = []
"""Messages of the signals received since `install_handlers`."""


def install_handlers() -> None:
    """Make SIGTERM raise KeyboardInterrupt, as SIGINT does, and record both for `check`.

    If the process was started with SIGINT ignored, as under `nohup ... &`, SIGINT stays ignored.
    """
    _interruptions.clear()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def check() -> None:
    """Raise KeyboardInterrupt if a signal arrived since `install_handlers`. Long loops call this in each iteration.

    A signal handler runs between any two instructions. If that is inside a finalizer or a weak reference callback, of
    which TensorFlow has many, Python prints the exception of the handler and drops it.
    """
    if _interruptions:
        raise KeyboardInterrupt(_interruptions[0])


def _interrupt(number: int, frame: object) -> NoReturn:
    del frame
    _interruptions.append("interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}")
    raise KeyboardInterrupt(_interruptions[-1])
