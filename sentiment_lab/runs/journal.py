"""The journal of a run: one JSON line per event, each with a checksum over itself and the line before it."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment_lab.base.files import atomic_write, storage_errors

Event = dict[str, Any]

LONGEST_LINE = 1 << 20
"""Bytes of a line, which holds the numbers of an epoch or the text of an error."""

_SEPARATOR = ', "check": "'


@dataclass(frozen=True)
class JournalContent:
    """The events of a journal, up to its first damaged line."""

    events: list[Event]
    text: str
    """The intact lines."""
    damage: str | None
    """Which line is damaged, or None. An unfinished last line is no damage: its writer died."""


@dataclass(frozen=True)
class Journal:
    """An append-only file."""

    path: Path
    run: str = ""
    """Prefix of the config hash that its first line must name."""

    def events(self) -> list[Event]:
        """Return the intact events, oldest first: started, data, resumed, epoch, failed, killed, completed."""
        return self.read().events

    def first(self) -> Event | None:
        """Return the first event, which describes the run, without reading the rest; None if missing or damaged."""
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                line = file.readline(LONGEST_LINE)
        except FileNotFoundError:
            return None
        event = _parse(line.removesuffix("\n"), "")
        return event if event and self._is_own(event) else None

    def read(self) -> JournalContent:
        """Read up to the first damaged line."""
        try:
            lines = self.path.read_bytes().decode("utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return JournalContent([], "", None)
        events: list[Event] = []
        before = ""
        for number, line in enumerate(lines[:-1], 1):
            event = _parse(line, before)
            if event is None:
                return _content(events, lines, f"{self.path} is damaged at line {number}")
            if not events and not self._is_own(event):
                return _content(events, lines, f"{self.path} belongs to another run")
            before = _check_of(line)
            events.append(event)
        return _content(events, lines, None)

    def append(self, event: str, **fields: Any) -> None:
        """Add one line and flush it to the disk.

        Raises StorageError when it cannot be written.
        """
        with storage_errors(self.path):
            before = self._cut_half_line()
            time = datetime.now(UTC).isoformat(timespec="milliseconds")
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_line({"event": event, "time": time, **fields}, before))
                file.flush()
                os.fsync(file.fileno())

    def repair(self) -> str | None:
        """Keep the intact lines and rename the damaged file; return what was wrong with it, or None.

        Raises StorageError when that cannot be written.
        """
        content = self.read()
        if content.damage:
            aside = self.path.with_name(f"{self.path.name}.damaged")
            with storage_errors(self.path):
                aside.unlink(missing_ok=True)
                self.path.rename(aside)
                atomic_write(self.path, content.text)
        return content.damage

    def _is_own(self, first: Event) -> bool:
        """Return whether the first line belongs to this run."""
        return str(first.get("config_hash", self.run)).startswith(self.run)

    def _cut_half_line(self) -> str:
        """Drop an unfinished last line, left by a writer that died; return the check of the last finished line."""
        if not self.path.is_file():
            return ""
        with self.path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LONGEST_LINE))
            lines = file.read().split(b"\n")
            file.truncate(size - len(lines[-1]))
        return _check_of(lines[-2].decode("utf-8", errors="replace")) if len(lines) > 1 else ""


def _content(events: list[Event], lines: list[str], damage: str | None) -> JournalContent:
    return JournalContent(events, "".join(f"{line}\n" for line in lines[: len(events)]), damage)


def _line(event: Event, before: str) -> str:
    body = json.dumps(event)[:-1]
    return f'{body}{_SEPARATOR}{_check(body, before)}"}}\n'


def _parse(line: str, before: str) -> Event | None:
    body, _, _ = line.rpartition(_SEPARATOR)
    if _check_of(line) != _check(body, before) or not line.endswith('"}'):
        return None
    try:
        event = json.loads(body + "}")
        return event if isinstance(event, dict) and "event" in event else None
    except ValueError:
        return None


def _check_of(line: str) -> str:
    return line.rpartition(_SEPARATOR)[2].removesuffix('"}')


def _check(body: str, before: str) -> str:
    # Over the text, not the parsed values: different texts may parse to the same number.
    return f"{zlib.crc32((before + body).encode()):08x}"
