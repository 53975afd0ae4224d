"""The lock of a run folder, and the heartbeat of the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from sentiment_lab.base.files import UNFINISHED, storage_errors

BEAT_SECONDS = 10.0
"""Seconds between two heartbeats."""

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
_LOCK, _HEARTBEAT = "lock", "heartbeat.json"


@dataclass(frozen=True)
class Holder:
    """The process that trains a run; times are ISO 8601, UTC."""

    host: str
    pid: int
    since: str
    beat: str
    """Time of the last heartbeat."""

    def __str__(self) -> str:
        if not self.pid:
            return "another process"
        return f"process {self.pid} on {self.host} since {self.since} (last heartbeat {self.beat})"

    @classmethod
    def of(cls, folder: Path) -> Holder | None:
        """Return the process that holds a folder; None if there is none."""
        if not (folder / _LOCK).exists():
            return None
        try:
            with FileLock(folder / _LOCK).acquire(timeout=0):
                return None
        except Timeout:
            return _read(folder)
        except OSError:  # this process may only read
            return _read(folder) if _is_locked(folder / _LOCK) else None


@contextmanager
def hold(folder: Path) -> Iterator[Holder | None]:
    """Lock a folder and write a heartbeat every BEAT_SECONDS; yield None, or the process that already holds it.

    The operating system releases the lock of a process that dies. A folder that this process may only read is not
    locked. Raises StorageError where the lock cannot be created for another reason.
    """
    try:
        # `Holder.of` in another process takes the lock for a moment, so wait a second.
        lock = FileLock(folder / _LOCK).acquire(timeout=1)
    except OSError as error:
        if not isinstance(error, Timeout) and error.errno not in _READ_ONLY:
            with storage_errors(folder / _LOCK):
                raise
        other = _read(folder) if isinstance(error, Timeout) else Holder.of(folder)
    else:
        with lock, _beating(folder):
            yield None
        return
    yield other


@contextmanager
def _beating(folder: Path) -> Iterator[None]:
    since, ended = _now(), threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            _write(folder, Holder(socket.gethostname(), os.getpid(), since, _now()))

    _write(folder, Holder(socket.gethostname(), os.getpid(), since, since))
    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):
            (folder / _HEARTBEAT).unlink()


def _is_locked(lock: Path) -> bool:
    """Return whether another process holds a lock that this process may only read."""
    with suppress(PermissionError), lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno == errno.EWOULDBLOCK
    return False


def _read(folder: Path) -> Holder:
    try:
        return Holder(**json.loads((folder / _HEARTBEAT).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Holder("", 0, "", "")


def _write(folder: Path, holder: Holder) -> None:
    # A full disk must not end the run here: a lost heartbeat loses no result.
    with suppress(OSError):
        unfinished = folder / (_HEARTBEAT + UNFINISHED)
        unfinished.write_text(json.dumps(asdict(holder)), encoding="utf-8")
        unfinished.replace(folder / _HEARTBEAT)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
