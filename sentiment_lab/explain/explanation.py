"""The explanation of a prediction as data, which needs neither keras nor numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sentiment_lab.base.errors import LabError

Method = Literal["integrated_gradients", "occlusion", "weights"]
"""How a model's logit is attributed to the tokens.

integrated_gradients: along the straight path from zero embeddings to those of the text (Sundararajan et al. 2017).
occlusion: the decrease of the logit when the token is replaced by the unknown one (Li et al. 2016).
weights: of a linear model, the weight times value of each n-gram, divided equally among its words.
"""
_RECURRENT: tuple[Method, ...] = ("integrated_gradients", "occlusion")
_LINEAR: tuple[Method, ...] = ("weights", "occlusion")
METHODS: tuple[Method, ...] = get_args(Method)


class ExplanationError(LabError, ValueError):
    """A text or model that cannot be explained, or not by the requested method."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The probability after each token that a model read, and the contribution of each to the logit."""

    text: str
    architecture: str
    """gru, stacked_bilstm, nb_svm, ..."""
    method: Method
    tokens: tuple[str, ...]
    """The input of the model, at most `text.max_length` tokens; a linear model reads all of them."""
    known: tuple[bool, ...]
    """Of each token: whether it is in the vocabulary of the model."""
    probabilities: tuple[float, ...]
    """After each token: the prediction of the model for the tokens up to it."""
    contributions: tuple[float, ...]
    """Of each token, in logits; above 0 for a token that raises the probability of a positive review."""
    logit: float
    baseline_logit: float
    """The logit of the baseline: all embeddings zero, all tokens unknown, or the bias of a linear model."""
    unread: tuple[str, ...]
    """Tokens that `text.max_length` cut off."""
    keep: Literal["last", "first"]
    """Which end of the text was read if some of it is unread."""
    steps: int | None
    """Points of the path at which gradients were computed; of integrated_gradients alone."""
    tolerance: float | None
    """Gap, in logits, for which `steps` were increased until it was met; None for the other methods."""

    @property
    def probability(self) -> float:
        """Of a positive review, for the whole text."""
        return 0.5 * (1.0 + math.tanh(0.5 * self.logit))

    @property
    def label(self) -> str:
        """The label that `predict` returns."""
        return "positive" if self.probability > 0.5 else "negative"

    @property
    def total(self) -> float:
        """All contributions together, in logits."""
        return math.fsum(self.contributions)

    @property
    def gap(self) -> float:
        """Total minus the difference of the logits; not meaningful for occlusion."""
        return self.total - (self.logit - self.baseline_logit)

    def to_plain(self) -> dict[str, Any]:
        """Return the explanation as plain data for JSON: one entry a token, and the derived numbers."""
        columns = zip(self.tokens, self.known, self.probabilities, self.contributions, strict=True)
        names = ("token", "known", "probability", "contribution")
        return {
            "text": self.text,
            "label": self.label,
            "probability": self.probability,
            "logit": self.logit,
            "baseline_logit": self.baseline_logit,
            "architecture": self.architecture,
            "method": self.method,
            "total_contribution": self.total,
            "gap": self.gap,
            "tolerance": self.tolerance,
            "steps": self.steps,
            "tokens": [dict(zip(names, values, strict=True)) for values in columns],
            "unread": list(self.unread),
            "keep": self.keep,
        }


def choose_method(family: str, method: Method | None) -> Method:
    """Return the requested method, or the default method of the model family.

    Raises ExplanationError where the family does not support the method.
    """
    choices = _RECURRENT if family == "recurrent" else _LINEAR
    if method is not None and method not in choices:
        raise ExplanationError(f"--method must be {' or '.join(choices)} for a {family} model, got {method}")
    return method or choices[0]
