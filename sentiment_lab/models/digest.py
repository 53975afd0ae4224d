"""The digest of trained weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Protocol


class Array(Protocol):
    """The attributes of an array that the digest uses."""

    @property
    def dtype(self) -> Any:
        """Type of the entries."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    def tobytes(self) -> bytes:
        """Return the entries in C order."""


def weights_digest(weights: Iterable[Array]) -> str:
    """Return the SHA-256 of weight tensors in order: their type, shape and bytes."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
