"""Why a model judges a text as it does, as data: neither keras nor numpy is needed to hold or to write it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sentiment_lab.base.errors import LabError

Method = Literal["integrated_gradients", "occlusion", "weights"]
"""How a model's logit is divided among the tokens.

integrated_gradients: along the straight path from zero embeddings to those of the text (Sundararajan et al. 2017).
occlusion: what the logit loses when the token is replaced by the unknown one (Li et al. 2016).
weights: of a linear model, the weight times value of each n-gram, shared equally among its words.
"""
_RECURRENT: tuple[Method, ...] = ("integrated_gradients", "occlusion")
_LINEAR: tuple[Method, ...] = ("weights", "occlusion")
METHODS: tuple[Method, ...] = get_args(Method)


class ExplanationError(LabError, ValueError):
    """What cannot be explained, or not in the way that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The probability after each token that a model has read of a text, and what each contributes to the logit."""

    text: str
    architecture: str
    """gru, stacked_bilstm, nb_svm, ..."""
    method: Method
    tokens: tuple[str, ...]
    """What the model read, at most `text.max_length` tokens; a linear model reads all of them."""
    known: tuple[bool, ...]
    """Of each token: whether the model knows that word."""
    probabilities: tuple[float, ...]
    """After each token: the model's own prediction for the tokens up to it."""
    contributions: tuple[float, ...]
    """Of each token, in logits; positive speaks for a positive review."""
    logit: float
    baseline_logit: float
    """The logit of nothing said: all embeddings zero, all tokens unknown, or the bias of a linear model."""
    unread: tuple[str, ...]
    """Tokens that `text.max_length` cut off."""
    keep: Literal["last", "first"]
    """Which end of the text was read where some of it is unread."""
    steps: int | None
    """Points of the path at which gradients were taken; of integrated_gradients alone."""
    tolerance: float | None
    """Largest gap, in logits, that `steps` were raised to stay within; None where no such promise is made."""

    @property
    def probability(self) -> float:
        """Of a positive review, for the whole text."""
        return 0.5 * (1.0 + math.tanh(0.5 * self.logit))

    @property
    def label(self) -> str:
        """What `predict` calls the text."""
        return "positive" if self.probability > 0.5 else "negative"

    @property
    def total(self) -> float:
        """All contributions together, in logits."""
        return math.fsum(self.contributions)

    @property
    def gap(self) -> float:
        """What the contributions miss the difference of the logits by; occlusion makes no promise about it."""
        return self.total - (self.logit - self.baseline_logit)

    def to_plain(self) -> dict[str, Any]:
        """Return the explanation as JSON has it: one entry a token, and the derived numbers."""
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
    """Return how a model family is explained: as asked for, else in the family's own way.

    Raises ExplanationError where the family has no such method.
    """
    choices = _RECURRENT if family == "recurrent" else _LINEAR
    if method is not None and method not in choices:
        raise ExplanationError(f"--method must be {' or '.join(choices)} for a {family} model, got {method}")
    return method or choices[0]
