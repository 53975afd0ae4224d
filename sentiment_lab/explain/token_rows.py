"""The parts of an explanation that a terminal and a page share: its tokens as rows, and its summary lines."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment_lab.explain.explanation import Explanation

STRONGEST = 12
"""Tokens of the short table."""
LEVELS = 4
"""Strengths of colour; tokens with the smallest contributions have none."""
_FAINT = 0.08
"""Share of the strongest contribution below which a token is not coloured."""


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """One token that the model read."""

    position: int
    """From 1."""
    token: str
    known: bool
    probability: float
    """Of a positive review, after this token."""
    contribution: float
    """In logits."""
    share: float
    """Of the text's strongest contribution, in [-1, 1]."""

    @property
    def sign(self) -> str:
        """The label whose probability the token raises."""
        return "positive" if self.contribution > 0 else "negative"

    @property
    def level(self) -> int:
        """Strength of the colour, from 0 (none) to LEVELS."""
        strength = abs(self.share)
        return 0 if strength < _FAINT else min(LEVELS, 1 + int(strength * LEVELS))


def token_rows(explanation: Explanation) -> list[TokenRow]:
    """Return the tokens in the order of the text."""
    largest = max(map(abs, explanation.contributions), default=0.0) or 1.0
    columns = (explanation.tokens, explanation.known, explanation.probabilities, explanation.contributions)
    return [
        TokenRow(
            position=position,
            token=token,
            known=known,
            probability=probability,
            contribution=contribution,
            share=contribution / largest,
        )
        for position, (token, known, probability, contribution) in enumerate(zip(*columns, strict=True), start=1)
    ]


def strongest(rows: list[TokenRow], number: int = STRONGEST) -> list[TokenRow]:
    """Return the rows with the largest absolute contributions, in the order of the text."""
    chosen = sorted(rows, key=lambda row: -abs(row.contribution))[:number]
    return sorted(chosen, key=lambda row: row.position)


def prediction_text(explanation: Explanation) -> str:
    """Return label, probability and logit of the whole text."""
    return f"{explanation.label}, probability {explanation.probability:.4f} (logit {signed(explanation.logit)})"


def read_text(explanation: Explanation) -> str:
    """Return how many tokens the model read, and how many of them are in its vocabulary."""
    count, unread, unknown = len(explanation.tokens), len(explanation.unread), explanation.known.count(False)
    read = f"{count:,} {'token' if count == 1 else 'tokens'} read"
    if unread:
        read = f"the {explanation.keep} {count:,} of {count + unread:,} tokens read (truncated by text.max_length)"
    return f"{read}, {unknown:,} unknown to the model" if unknown else f"{read}, all known to the model"


def baseline_text(explanation: Explanation) -> str:
    """Return the baseline of the contributions."""
    meaning = {
        "integrated_gradients": "all embeddings zero",
        "occlusion": "all tokens unknown",
        "weights": "the bias, no word",
    }[explanation.method]
    return f"baseline {signed(explanation.baseline_logit)} ({meaning})"


def sum_text(explanation: Explanation) -> str:
    """Return the sum of the contributions, and how far it is from the difference of the logits."""
    difference = explanation.logit - explanation.baseline_logit
    sums = f"contributions sum to {signed(explanation.total)}, logit minus baseline is {signed(difference)}"
    if explanation.method == "occlusion":
        return f"{sums}; with occlusion the two may differ"
    sums = f"{sums}, gap {abs(explanation.gap):.1g}"
    if explanation.tolerance is None:
        return f"{sums} (rounding)"
    met = "within" if abs(explanation.gap) <= explanation.tolerance else "ABOVE"
    return f"{sums}, {met} the tolerance of {explanation.tolerance:g} ({explanation.steps:,} points on the path)"


def method_name(explanation: Explanation) -> str:
    """Return the name of the method for a reader."""
    return explanation.method.replace("_", " ")


def signed(value: float) -> str:
    """Return a number of logits with its sign."""
    return f"{value:+.3f}"
