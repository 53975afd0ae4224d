"""From a part to padded batches.

Batches are padded on the right, as the fused GPU kernels want masked ones, and only up to the longest review in them:
the training step is traced once for all widths, so rounding them up would gain nothing. Padding on the left, to one
width, is there for the article's sake. Their order follows from
(seed, epoch) alone, so that a run which goes on after an interruption sees the batches that it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.data.dataset import Part

POOL = 50
"""Batches whose reviews are sorted by length together.

Of 45,000 IMDB reviews of at most 200 / 400 tokens, in batches of 64, it leaves 1.0 % / 1.8 % of the token ids of an
epoch to padding, a random order 19 % / 47 % (`python -m benchmarks --only text`). A pool is a random fourteenth of
those reviews, so that every epoch brings others together.
"""


@dataclass(frozen=True, eq=False)
class Batch:
    """Reviews of one training or evaluation step."""

    token_ids: NDArray[np.int32]
    """(batch, steps), padded with 0."""
    labels: NDArray[np.float32]
    """(batch,)"""
    indices: NDArray[np.int64]
    """(batch,), the reviews' positions in their part."""
    lengths: NDArray[np.int64]
    """(batch,), in tokens."""


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches that together hold each review of a part once; each is built when it is asked for."""

    part: Part
    rows: list[NDArray[np.int64]]
    """Positions in the part of the reviews of each batch."""
    pad_left_to: int | None = None
    """Tokens that each review is padded to on the left; None pads on the right, to the longest review in the batch."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        rows = self.rows[index]
        lengths = self.part.lengths[rows]
        if self.pad_left_to is None:
            real = np.arange(lengths.max()) < lengths[:, np.newaxis]
        else:
            real = np.arange(self.pad_left_to) >= self.pad_left_to - lengths[:, np.newaxis]
        token_ids = np.zeros(real.shape, np.int32)
        token_ids[real] = self.part.token_ids[_positions(self.part.offsets[rows], lengths)]
        return Batch(token_ids, self.part.labels[rows].astype(np.float32), rows, lengths)

    def __iter__(self) -> Iterator[Batch]:
        return (self[index] for index in range(len(self)))

    @property
    def tokens(self) -> int:
        """Tokens in all batches, padding not counted."""
        return self.part.token_count


def training_batches(
    part: Part,
    batch_size: int,
    batching: Literal["similar_length", "shuffled"],
    seed: int,
    epoch: int,
    *,
    crop_length: int | None = None,
    pad_left_to: int | None = None,
) -> Batches:
    """Return the batches of one epoch: every review of the part once, the order drawn from (seed, epoch).

    With `crop_length`, of a longer review one window of so many tokens, drawn from (seed, epoch) as well. The last
    batch cut is smaller where `batch_size` does not divide the part.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
    order = generator.permutation(len(part))
    if crop_length is not None:
        part = crop(part, crop_length, generator)
    if batching == "shuffled":
        return Batches(part, _cut(order, batch_size), pad_left_to)
    pool = np.arange(len(part)) // (POOL * batch_size)
    # A stable sort: reviews of one length stay in random order.
    rows = _cut(order[np.lexsort((part.lengths[order], pool))], batch_size)
    return Batches(part, [rows[index] for index in generator.permutation(len(rows))], pad_left_to)


def crop(part: Part, length: int, generator: np.random.Generator) -> Part:
    """Return the part with a random window of each review that has more than `length` tokens."""
    kept = np.minimum(part.lengths, length)
    starts = part.offsets[:-1] + generator.integers(part.lengths - kept, endpoint=True)
    offsets = np.concatenate([[0], np.cumsum(kept)])
    return replace(part, token_ids=part.token_ids[_positions(starts, kept)], offsets=offsets)


def evaluation_batches(part: Part, batch_size: int, *, pad_left_to: int | None = None) -> Batches:
    """Return batches of reviews in the order of their length: every review of the part once."""
    return Batches(part, _cut(np.argsort(part.lengths, kind="stable"), batch_size), pad_left_to)


def _cut(order: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    return np.split(order, np.arange(batch_size, len(order), batch_size))


def _positions(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of the tokens of reviews that start at `starts`: (tokens,)."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1])
