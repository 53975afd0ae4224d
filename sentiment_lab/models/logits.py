"""Logits and probabilities of positive reviews."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LOWEST, _HIGHEST = 2.0**-54, 1 - 2.0**-25
"""The smallest probability that `sigmoid` returns beside 0, and the limit above which it returns 1."""


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the probability of a positive review, float32 of the same shape; no logit overflows."""
    return (0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))).astype(np.float32)


def logit(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the inverse of `sigmoid`, float64 of the same shape.

    The logit of a probability that was rounded to 0 or 1 is unknown; it becomes -37 or 17, where rounding begins.
    """
    clipped = np.clip(probabilities.astype(np.float64), _LOWEST, _HIGHEST)
    values: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
    return values
