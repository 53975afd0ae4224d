"""Files that are written atomically, and the digests by which damage is recognised."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sentiment_lab.base.errors import LabError

UNFINISHED = ".building"
"""Suffix of what is being written; a file of that name was left by a process that died."""

_DIGEST_KEY, _END = ',\n  "digest": "', '"\n}\n'


class StorageError(LabError):
    """A file that cannot be written: a full disk, a folder that is read-only; the text names it."""

    exit_code = 1


class DamageError(LabError, ValueError):
    """A file that is not what was written; the text names it."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Raise StorageError naming the path that could not be written, in place of OSError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(
            f"{path} cannot be written: {reason}; fix this and rerun the same command to resume"
        ) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name; the file or folder written there replaces `path` in one step at the end.

    A folder cannot replace one that is not empty. Raises StorageError when it cannot be written; `path` is then
    unchanged.
    """
    unfinished = path.with_name(path.name + UNFINISHED)
    with storage_errors(path):
        remove(unfinished)  # left by a process that was killed
        try:
            yield unfinished
            _flush(unfinished)
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                remove(unfinished)
            raise
        _flush(path.parent)


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write a file atomically: afterwards it has the old content or all of the new.

    Raises StorageError when it cannot be written.
    """
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def remove(path: Path) -> None:
    """Remove a file or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksummed_json(plain: Mapping[str, Any]) -> str:
    """Return a JSON document that ends with the digest of the text before it."""
    body = json.dumps(plain, indent=2, allow_nan=False).removesuffix("\n}")
    return f"{body}{_DIGEST_KEY}{_digest(body)}{_END}"


def write_checksummed(path: Path, plain: Mapping[str, Any]) -> None:
    """Write a JSON document that carries its own digest, atomically.

    Raises StorageError when it cannot be written.
    """
    atomic_write(path, checksummed_json(plain))


def read_checksummed(path: Path) -> dict[str, Any]:
    """Read what `write_checksummed` wrote, as data.

    Raises DamageError naming the file when it is missing or does not match its digest.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise DamageError(f"{path} is missing") from error
    except ValueError as error:
        raise DamageError(f"{path} is damaged: it is not UTF-8 text") from error
    body, _, digest = text.rpartition(_DIGEST_KEY)
    if digest != f"{_digest(body)}{_END}":
        raise DamageError(f"{path} is damaged: its digest does not match")
    return dict(json.loads(body + "}"))


def read_plain(path: Path) -> dict[str, Any]:
    """Read a JSON document that carries no digest; an empty one where it is none."""
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def check_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Return one line for each file that is missing or has another digest."""
    problems = []
    for name, digest in digests.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(f"{folder} names a file outside of itself: {name}")
        elif not (folder / name).is_file():
            problems.append(f"{folder / name} is missing")
        elif file_digest(folder / name) != digest:
            problems.append(f"{folder / name} is damaged: its digest does not match")
    return problems


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _flush(path: Path) -> None:
    """Bring a file or a folder's entries to the disk, so that a power failure leaves no empty file."""
    with suppress(PermissionError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
