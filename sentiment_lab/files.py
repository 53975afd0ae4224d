"""Files that are there whole or not at all, and that carry the digest by which damage is recognised."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sentiment_lab.errors import LabError

BUILDING = ".building"
"""Suffix of what is being written; a file of that name was left by a process that died."""

_SEAL, _END = ',\n  "digest": "', '"\n}\n'


class StorageError(LabError):
    """A file that cannot be written: a full disk, a folder that is read-only; the text names it."""

    exit_code = 1


class DamageError(LabError, ValueError):
    """A file that is not what was written; the text names it."""


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Say which file could not be written, and that nothing is lost by it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(
            f"{path} cannot be written: {reason}; mend that, then the same command goes on from where it is"
        ) from error


@contextmanager
def building(path: Path) -> Iterator[Path]:
    """Give a name to write to; what stands there at the end takes the place of `path` in one step.

    Raises StorageError when it cannot be written; `path` is then as it was.
    """
    unfinished = path.with_name(path.name + BUILDING)
    with storing(path):
        try:
            yield unfinished
            _flush(unfinished)
            unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        _flush(path.parent)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises StorageError when it cannot be written.
    """
    with building(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(plain: Mapping[str, Any]) -> str:
    """Return a JSON document that ends with the digest of the text before it."""
    body = json.dumps(plain, indent=2, allow_nan=False).removesuffix("\n}")
    return f"{body}{_SEAL}{_digest(body)}{_END}"


def unseal(path: Path) -> dict[str, Any]:
    """Read what `seal` gave, as data.

    Raises DamageError naming the file when it is missing or not what was written.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise DamageError(f"{path} is missing") from error
    except ValueError as error:
        raise DamageError(f"{path} is damaged: it is no text") from error
    body, _, digest = text.rpartition(_SEAL)
    if digest != f"{_digest(body)}{_END}":
        raise DamageError(f"{path} is damaged: its digest does not fit")
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
            problems.append(f"{folder / name} is damaged: its digest does not fit")
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
