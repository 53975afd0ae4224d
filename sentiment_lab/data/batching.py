"""From token sequences to padded batches.

Batches are padded on the right, as the fused GPU kernels require of masked ones, and only up to the longest text in
them: the training step is traced once for all widths, so rounding them up would gain nothing. Padding on the left, to
one width, serves the article's protocol. The order of training batches follows from (seed, epoch) alone, so that a
resumed run sees the batches that it would have seen without the interruption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.data.token_sequences import TokenSequences

POOL = 50
"""Batches whose texts are sorted by length together.

Of 45,000 IMDB reviews of at most 200 / 400 tokens, in batches of 64, it leaves 1.0 % / 1.8 % of the token ids of an
epoch to padding, a random order 19 % / 47 % (`python -m benchmarks --only text`). A pool is a random fourteenth of
those reviews, so that every epoch combines other reviews in a batch.
"""


@dataclass(frozen=True, eq=False)
class Batch:
    """Texts of one training or prediction step."""

    token_ids: NDArray[np.int32]
    """(batch, steps), padded with 0."""
    indices: NDArray[np.int64]
    """(batch,), the texts' positions in their sequences."""
    lengths: NDArray[np.int64]
    """(batch,), in tokens."""


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches that together hold each text once; each is built when it is asked for."""

    sequences: TokenSequences
    rows: list[NDArray[np.int64]]
    """Positions of the texts of each batch."""
    pad_left_to: int | None = None
    """Tokens that each text is padded to on the left; None pads on the right, to the longest text of the batch."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        rows = self.rows[index]
        return Batch(self.sequences.pad(rows, self.pad_left_to), rows, self.sequences.lengths[rows])

    def __iter__(self) -> Iterator[Batch]:
        return (self[index] for index in range(len(self)))

    @property
    def tokens(self) -> int:
        """Tokens in all batches, padding not counted."""
        return self.sequences.token_count


def training_batches(
    sequences: TokenSequences,
    batch_size: int,
    batching: Literal["similar_length", "shuffled"],
    seed: int,
    epoch: int,
    *,
    crop_length: int | None = None,
    pad_left_to: int | None = None,
) -> Batches:
    """Return the batches of one epoch: every text once, in an order drawn from (seed, epoch).

    With `crop_length`, a longer text is cropped to one window of that many tokens, drawn from (seed, epoch) as well.
    The last batch in the drawn order is smaller where `batch_size` does not divide the number of texts.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
    order = generator.permutation(len(sequences))
    if crop_length is not None:
        sequences = sequences.crop(crop_length, generator)
    if batching == "shuffled":
        return Batches(sequences, _chunks(order, batch_size), pad_left_to)
    pool = np.arange(len(sequences)) // (POOL * batch_size)
    # A stable sort: texts of one length stay in random order.
    rows = _chunks(order[np.lexsort((sequences.lengths[order], pool))], batch_size)
    return Batches(sequences, [rows[index] for index in generator.permutation(len(rows))], pad_left_to)


def evaluation_batches(sequences: TokenSequences, batch_size: int, *, pad_left_to: int | None = None) -> Batches:
    """Return batches of texts in the order of their length: every text once."""
    return Batches(sequences, _chunks(np.argsort(sequences.lengths, kind="stable"), batch_size), pad_left_to)


def _chunks(order: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
