"""Atomic writing of files, and digests that detect damage."""

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
"""Suffix of a file or folder while it is written. One that nobody writes was left by a process that died."""

_DIGEST_KEY, _END = ',\n  "digest": "', '"\n}\n'


class StorageError(LabError):
    """A file that cannot be written, because the disk is full or the folder read-only; the text names the file."""

    exit_code = 1


class DamageError(LabError, ValueError):
    """A file that is missing or differs from what was written; the text names the file."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that names `path`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageError(f"{path} cannot be written: {reason}; fix this and rerun the same command") from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; at the end of the block, what was written there replaces `path` in one step.

    Works for files and folders, but a folder cannot replace one that is not empty. If the block raises, `path` is
    unchanged and the temporary path removed. A device or a pipe, such as /dev/stdout, is not replaced: it is yielded
    itself. Raises StorageError for an OSError.
    """
    if _is_device(path):
        with storage_errors(path):
            yield path
        return
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
    """Replace the content of a file in one step; text is encoded as UTF-8.

    Raises StorageError if it cannot be written; the old content is then unchanged.
    """
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its content, if it exists. A link to a folder is removed, not its target."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksummed_json(plain: Mapping[str, Any]) -> str:
    """Return a JSON object whose last key, `digest`, is the SHA-256 of the text before it."""
    body = json.dumps(plain, indent=2, allow_nan=False).removesuffix("\n}")
    return f"{body}{_DIGEST_KEY}{_digest(body)}{_END}"


def write_checksummed(path: Path, plain: Mapping[str, Any]) -> None:
    """Write a JSON object with its own digest, atomically; `read_checksummed` reads it.

    Raises StorageError if it cannot be written.
    """
    atomic_write(path, checksummed_json(plain))


def read_checksummed(path: Path) -> dict[str, Any]:
    """Read a file of `write_checksummed`, without its digest.

    Raises DamageError if the file is missing or does not match its digest.
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
    """Read a JSON object without a digest. Return an empty dict if the file is missing or holds something else."""
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def check_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Return a message for each file that is missing or does not match its digest.

    `digests` maps names relative to `folder` to SHA-256 digests. A name that points outside of the folder is reported,
    not read: the names may come from a damaged file.
    """
    problems = []
    for name, digest in digests.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(f"{folder} names a file outside of itself: {name}")
        elif not (folder / name).is_file():
            problems.append(f"{folder / name} is missing")
        elif file_digest(folder / name) != digest:
            problems.append(f"{folder / name} is damaged: its digest does not match")
    return problems


def _is_device(path: Path) -> bool:
    """Return whether a path is something to write into: a device, a pipe, or a name for one, as /dev/stdout."""
    return path.absolute().is_relative_to("/dev/fd") or (
        path.exists() and (path.parent == Path("/dev") or not (path.is_file() or path.is_dir()))
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _flush(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk, so that a power failure leaves no empty file."""
    with suppress(PermissionError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
