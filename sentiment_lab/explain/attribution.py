"""What the tokens of one text contribute to its logit, by ways that need no gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each token contributes to a logit, and the logit that they start from."""

    contributions: NDArray[np.float64]
    """(tokens,), in logits."""
    baseline_logit: float
    steps: int | None = None
    """Points of the path at which gradients were taken; of integrated gradients alone."""
    tolerance: float | None = None
    """What the contributions may miss the difference of the logits by, where a method promises that."""


def occlude(
    predict: Callable[[Sequence[Any]], NDArray[np.float32]], tokens: NDArray[Any], unknown: object
) -> Attribution:
    """Return what the logit loses when each of the tokens (tokens,) is replaced by the unknown one.

    `predict` gives the logits of rows of tokens. The baseline is a text of unknown tokens alone. What words say
    together is lost with each of them, so the contributions need not sum to anything.
    """
    without = np.tile(tokens, (len(tokens), 1))
    np.fill_diagonal(without, unknown)
    logits = predict([tokens, np.full_like(tokens, unknown), *without]).astype(np.float64)
    return Attribution(logits[0] - logits[2:], float(logits[1]))


def share_ngrams(ngrams: Mapping[str, float], tokens: Sequence[str], longest: int) -> NDArray[np.float64]:
    """Share what each n-gram adds to a logit equally among its places in a text, and there among its words: (tokens,).

    `ngrams` are words separated by one space; those up to `longest` words are looked for.
    """
    places = [
        (" ".join(tokens[start : start + words]), start, words)
        for words in range(1, longest + 1)
        for start in range(len(tokens) - words + 1)
    ]
    counts = Counter(ngram for ngram, _, _ in places)
    shares = np.zeros(len(tokens))
    for ngram, start, words in places:
        shares[start : start + words] += ngrams.get(ngram, 0.0) / (counts[ngram] * words)
    return shares
