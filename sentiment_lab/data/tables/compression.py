"""Compressed files, recognized by their first bytes whatever their names are."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from sentiment_lab.data.reviews import DataError

ZIP = "zip"
_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,  # an empty one
}
_TAR_MARK, _TAR_PLACE = b"ustar", 257
_BZIP2_CONTENT = (b"1AY&SY", b"\x17rE8P\x90")
"""What follows `BZh` and a digit, so that text may begin with BZh."""


def _unpacked_zstd(file: BinaryIO) -> BinaryIO:
    """Return the content in a temporary file: Arrow's stream, which needs no further package, cannot seek."""
    import pyarrow as pa

    content = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        shutil.copyfileobj(pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"), content)
    except OSError:
        content.close()
        raise
    content.seek(0)
    return cast("BinaryIO", content)


_OPEN: dict[str, Callable[[BinaryIO], object]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": _unpacked_zstd,
}


def peek(file: BinaryIO, size: int) -> bytes:
    """Return the first bytes of a seekable file and return to its start."""
    file.seek(0)
    head = file.read(size)
    file.seek(0)
    return head


def compression_of(file: BinaryIO) -> str | None:
    """Return "gzip", "bzip2", "xz", "zstd" or "zip", or None for a file that is none of them."""
    head = peek(file, 16)
    kind = next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), None)
    return None if kind == "bzip2" and head[4:10] not in _BZIP2_CONTENT else kind


def decompressed(file: BinaryIO, kind: str) -> BinaryIO:
    """Return the seekable content of a file compressed with gzip, bzip2, xz or zstd."""
    return cast("BinaryIO", _OPEN[kind](file))


def is_tar(file: BinaryIO) -> bool:
    """Whether a seekable file, which is not compressed, is a tar archive."""
    return peek(file, _TAR_PLACE + len(_TAR_MARK))[_TAR_PLACE:] == _TAR_MARK


@contextmanager
def read_errors(source: str, kind: str) -> Iterator[None]:
    """Turn errors of reading into DataErrors that name the source and, for damaged content, what `kind` it is."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DataError(f"{source} is not a complete {kind}: {error}") from error
    except OSError as error:
        if error.errno is None:  # bz2's error for invalid content
            raise DataError(f"{source} is not a complete {kind}: {error}") from error
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
