"""The cache folder: expensive intermediate results, each in a folder of its own with the digests of its files.

An entry is written atomically by one process at a time. A file is verified whenever it is read; an entry that is
missing or damaged is built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock

from sentiment_lab.base.files import StorageError, atomic_path, check_files, file_digest, read_plain, remove
from sentiment_lab.data.reviews import DataError

FORMAT = 2
"""Raised with every change of what entries hold or how they are stored; entries of another format are not used."""
CORPORA, TOKENS, VECTORS, HASHES = "corpora", "tokens", "vectors", "data_hashes"
"""Folders of the kinds of entries."""

_INDEX = "index.json"

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheEntry(Generic[T]):
    """Files that are computed once for a key."""

    folder: Path
    files: tuple[str, ...]
    compute: Callable[[], T]
    write: Callable[[T, Path], None]
    """Writes what was computed into an empty folder, as `files`."""

    def path(self, name: str) -> Path:
        """Return the path of one of the files, which is verified; build the entry first where it is not intact.

        Raises what `compute` raises, and DataError where the cache folder cannot be written.
        """
        path = self.folder / name
        if not self._is_intact(name):
            self._build()
            if not self._is_intact(name):
                raise DataError(f"{path} (paths.cache) could not be verified after it was written")
        return path

    def content(self, name: str) -> bytes:
        """Return the verified content of one of the files; build the entry as `path` does."""
        content = self._intact_content(name)
        return self.path(name).read_bytes() if content is None else content

    def _digest(self, name: str) -> str | None:
        files = read_plain(self.folder / _INDEX).get("files")
        return files.get(name) if isinstance(files, dict) else None

    def _is_intact(self, name: str) -> bool:
        digest = self._digest(name)
        try:
            return digest is not None and not check_files(self.folder, {name: digest})
        except OSError:
            return False

    def _intact_content(self, name: str) -> bytes | None:
        digest = self._digest(name)
        try:
            content = (self.folder / name).read_bytes() if digest else b""
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def _build(self) -> None:
        with _cache_errors(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(f"{self.folder}.lock").acquire()
        with lock:
            # Another process may have built it while this one waited for the lock.
            if not all(map(self._is_intact, self.files)):
                self._replace()

    def _replace(self) -> None:
        if self.folder.exists():
            log.warning("%s is damaged; it is built again", self.folder)
        computed = self.compute()
        with _cache_errors(self.folder):
            remove(self.folder)
            with atomic_path(self.folder) as unfinished:
                unfinished.mkdir()
                self.write(computed, unfinished)
                index = {"format": FORMAT, "files": {name: file_digest(unfinished / name) for name in self.files}}
                (unfinished / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def entry_folder(cache: Path, kind: str, **key: Any) -> Path:
    """Return the folder of the entry with this key, which JSON can hold."""
    plain = json.dumps({"format": FORMAT, **key}, sort_keys=True)
    return cache / kind / hashlib.sha256(plain.encode()).hexdigest()


def find_damage(cache: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folder of each damaged entry and a line for each of its damaged files."""
    for kind in (CORPORA, TOKENS, VECTORS, HASHES):
        for index in sorted((cache / kind).glob(f"*/{_INDEX}")):
            digests = read_plain(index).get("files")
            if isinstance(digests, dict) and digests:
                yield from ((index.parent, problem) for problem in check_files(index.parent, digests))
            else:
                yield index.parent, f"{index} is damaged"


@contextmanager
def _cache_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, StorageError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        reason = getattr(cause, "strerror", None) or cause
        raise DataError(f"{folder} cannot be written (paths.cache): {reason}") from error
