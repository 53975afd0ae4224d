"""The prediction of many texts in batches of similar length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.data.batching import evaluation_batches
from sentiment_lab.data.token_sequences import TokenSequences

BATCH_SIZE = 256
"""Texts that a network predicts at once."""


def predict_logits(
    logits_function: Callable[[NDArray[np.int32]], Any],
    sequences: TokenSequences,
    *,
    batch_size: int = BATCH_SIZE,
    pad_left_to: int | None = None,
) -> NDArray[np.float32]:
    """Return the logits (texts,) of texts in their own order.

    `logits_function` maps token ids (batch, steps), padded by `pad_left_to`, to a tensor of logits (batch,).
    """
    logits = np.empty(len(sequences), np.float32)
    for batch in evaluation_batches(sequences, batch_size, pad_left_to=pad_left_to):
        logits[batch.indices] = logits_function(batch.token_ids).numpy()
    return logits
