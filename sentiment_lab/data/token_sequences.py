"""Token ids of texts of different lengths, in two flat arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Keep = Literal["last", "first"]
Order = Literal["kept", "shuffled", "windows", "reversed"]

_PIECE = 1_000_000  # tokens


@dataclass(frozen=True, eq=False)
class TokenSequences:
    """A ragged array of token ids: text i has ids[offsets[i]:offsets[i + 1]].

    No text is empty, because the fused GPU kernels refuse an empty row.
    """

    ids: NDArray[np.int32]
    """(tokens,); memory-mapped where it comes from the cache."""
    offsets: NDArray[np.int64]
    """(texts + 1,), from 0 to the number of tokens."""

    @classmethod
    def from_rows(cls, rows: Sequence[NDArray[np.int32]]) -> Self:
        """Join the ids (tokens,) of one or more texts."""
        return cls(np.concatenate(rows), _offsets(np.array([len(row) for row in rows])))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text: (texts,)."""
        return np.diff(self.offsets)

    @property
    def token_count(self) -> int:
        """Tokens of all texts."""
        return len(self.ids)

    def counts(self, size: int) -> NDArray[np.int64]:
        """Return how often each id below `size` occurs: (size,)."""
        counts = np.zeros(size, np.int64)
        # In pieces, since bincount works on an int64 copy: allocating one of 90 MB takes ten times as long as counting.
        for start in range(0, len(self.ids), _PIECE):
            counts += np.bincount(self.ids[start : start + _PIECE], minlength=size)
        return counts

    def renumber(self, numbers: NDArray[np.int32]) -> TokenSequences:
        """Replace each id by its entry in `numbers` (ids,)."""
        return TokenSequences(numbers[self.ids], self.offsets)

    def select(self, rows: NDArray[np.int64]) -> TokenSequences:
        """Return the texts `rows`, which ascend."""
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            first, last = self.offsets[rows[0]], self.offsets[rows[-1] + 1]
            return TokenSequences(self.ids[first:last], self.offsets[rows[0] : rows[-1] + 2] - first)
        selected = np.zeros(len(self), np.bool_)
        selected[rows] = True
        return TokenSequences(self.ids[np.repeat(selected, self.lengths)], _offsets(self.lengths[rows]))

    def truncate(self, max_length: int, keep: Keep) -> TokenSequences:
        """Return the first or last `max_length` tokens of each text."""
        kept = np.minimum(self.lengths, max_length)
        dropped = self.lengths - kept
        if not dropped.any():
            return self
        # Each text is a run of tokens to drop and a run to keep, in the order that `keep` implies.
        runs = np.stack([dropped, kept] if keep == "last" else [kept, dropped], axis=1)
        wanted = np.tile([keep == "first", keep == "last"], len(self))
        return TokenSequences(self.ids[np.repeat(wanted, runs.ravel())], _offsets(kept))

    def crop(self, length: int, generator: np.random.Generator) -> TokenSequences:
        """Return a random window of `length` tokens of each longer text; shorter texts stay as they are."""
        kept = np.minimum(self.lengths, length)
        starts = self.offsets[:-1] + generator.integers(self.lengths - kept, endpoint=True)
        return TokenSequences(self.ids[_indices(starts, kept)], _offsets(kept))

    def reorder(self, order: Order, window: int) -> TokenSequences:
        """Return the tokens of each text in another order.

        `shuffled` draws an order of all tokens of a text, `windows` an order of each `window` consecutive tokens, where
        the last window of a text may be shorter. The draws depend on the number and lengths of the texts alone: they
        are the same for every seed of a run.
        """
        if order == "kept":
            return self
        texts = np.repeat(np.arange(len(self)), self.lengths)
        positions = np.arange(len(self.ids)) - self.offsets[:-1][texts]
        if order == "reversed":
            return TokenSequences(self.ids[self.offsets[1:][texts] - 1 - positions], self.offsets)
        draws = np.random.Generator(np.random.PCG64(0)).random(len(self.ids))
        keys = (draws, positions // window, texts) if order == "windows" else (draws, texts)
        return TokenSequences(self.ids[np.lexsort(keys)], self.offsets)

    def concat(self, other: TokenSequences) -> TokenSequences:
        """Return these texts followed by the other ones."""
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        return TokenSequences(np.concatenate([self.ids, other.ids]), offsets)

    def pad(self, rows: NDArray[np.int64], pad_left_to: int | None = None) -> NDArray[np.int32]:
        """Return the texts `rows` as one array (rows, steps), padded with 0.

        They are padded on the right, to the longest of them, or on the left to `pad_left_to` steps.
        """
        lengths = self.lengths[rows]
        if pad_left_to is None:
            real = np.arange(lengths.max()) < lengths[:, np.newaxis]
        else:
            real = np.arange(pad_left_to) >= pad_left_to - lengths[:, np.newaxis]
        padded = np.zeros(real.shape, np.int32)
        padded[real] = self.ids[_indices(self.offsets[rows], lengths)]
        return padded

    def digest(self) -> str:
        """Return the SHA-256 of all ids and offsets."""
        digest = hashlib.sha256()
        for array in (self.ids, self.offsets):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)])


def _indices(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices of the tokens of texts that start at `starts`: (tokens,)."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1])
