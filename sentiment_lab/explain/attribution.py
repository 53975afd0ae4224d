"""Contributions of the tokens of one text to its logit, by methods that need no gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Attribution:
    """The contribution of each token to a logit, and the logit of the baseline."""

    contributions: NDArray[np.float64]
    """(tokens,), in logits."""
    baseline_logit: float
    steps: int | None = None
    """Points of the path at which gradients were computed; of integrated gradients alone."""
    tolerance: float | None = None
    """Largest accepted gap between the sum of contributions and the logits' difference; None without such a limit."""


def occlude(
    predict: Callable[[Sequence[Any]], NDArray[np.float32]], tokens: NDArray[Any], unknown: object
) -> Attribution:
    """Return the decrease of the logit when each of the tokens (tokens,) is replaced by the unknown one.

    `predict` returns the logits of rows of tokens. The baseline is a text of unknown tokens alone. Each replacement
    also removes the interactions of its token with others, so the contributions need not sum to the logits' difference.
    """
    without = np.tile(tokens, (len(tokens), 1))
    np.fill_diagonal(without, unknown)
    logits = predict([tokens, np.full_like(tokens, unknown), *without]).astype(np.float64)
    return Attribution(logits[0] - logits[2:], float(logits[1]))


def share_ngrams(ngrams: Mapping[str, float], tokens: Sequence[str], longest: int) -> NDArray[np.float64]:
    """Return the contribution of each token (tokens,), that of an n-gram divided among its occurrences and words.

    `ngrams` maps n-grams, of at most `longest` words separated by one space, to their contributions to the logit.
    """
    occurrences = [
        (" ".join(tokens[start : start + words]), start, words)
        for words in range(1, longest + 1)
        for start in range(len(tokens) - words + 1)
    ]
    counts = Counter(ngram for ngram, _, _ in occurrences)
    shares = np.zeros(len(tokens))
    for ngram, start, words in occurrences:
        shares[start : start + words] += ngrams.get(ngram, 0.0) / (counts[ngram] * words)
    return shares
