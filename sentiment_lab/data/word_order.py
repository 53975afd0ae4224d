"""Reviews with their words in another order: a network that reads a sequence may lose by it, a bag of words cannot."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal["kept", "shuffled", "windows", "reversed"]


def reorder(token_ids: NDArray[np.int32], offsets: NDArray[np.int64], order: Order, window: int) -> NDArray[np.int32]:
    """Return the tokens (tokens,) of texts that begin at `offsets` (texts + 1,), each text in another order.

    `shuffled` draws an order of all words of a text, `windows` one of each `window` words that follow each other; the
    last window of a text may be shorter. What is drawn depends on the texts' places and lengths alone: it is the same
    for every seed of a run.
    """
    if order == "kept":
        return token_ids
    lengths = np.diff(offsets)
    texts = np.repeat(np.arange(len(lengths)), lengths)
    places = np.arange(len(token_ids)) - offsets[:-1][texts]
    if order == "reversed":
        return token_ids[offsets[1:][texts] - 1 - places]
    drawn = np.random.Generator(np.random.PCG64(0)).random(len(token_ids))
    groups = (drawn, places // window, texts) if order == "windows" else (drawn, texts)
    return token_ids[np.lexsort(groups)]
