"""What a terminal and a page both say of an explanation: its tokens as rows, and its numbers in words."""

from __future__ import annotations

from dataclasses import dataclass

from sentiment_lab.explain.explanation import Explanation

STRONGEST = 12
"""Tokens of the short table."""
LEVELS = 4
"""Strengths of colour; the weakest tokens have none."""
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
        """Which label the token speaks for."""
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
    """Return the rows that contribute most, whichever way, in the order of the text."""
    chosen = sorted(rows, key=lambda row: -abs(row.contribution))[:number]
    return sorted(chosen, key=lambda row: row.position)


def verdict(explanation: Explanation) -> str:
    """Return label, probability and logit of the whole text."""
    return f"{explanation.label}, probability {explanation.probability:.4f} (logit {signed(explanation.logit)})"


def reading(explanation: Explanation) -> str:
    """Return how much of the text the model read and knew."""
    count, unread, unknown = len(explanation.tokens), len(explanation.unread), explanation.known.count(False)
    read = f"{count:,} {_tokens(count)} read"
    if unread:
        read = f"the {explanation.keep} {count:,} of {count + unread:,} tokens read (text.max_length cut the rest)"
    return f"{read}, {unknown:,} unknown to the model" if unknown else f"{read}, all known to the model"


def baseline(explanation: Explanation) -> str:
    """Return what the contributions start from."""
    means = {
        "integrated_gradients": "all embeddings zero",
        "occlusion": "all tokens unknown",
        "weights": "no word at all: the bias",
    }[explanation.method]
    return f"baseline {signed(explanation.baseline_logit)} ({means})"


def check(explanation: Explanation) -> str:
    """Return what the contributions add up to, and what they should."""
    rise = explanation.logit - explanation.baseline_logit
    added = f"contributions add up to {signed(explanation.total)}"
    if explanation.method == "occlusion":
        return f"{added}, logit minus baseline is {signed(rise)}; of occlusion the two need not agree"
    compared = f"{added}, logit minus baseline is {signed(rise)}: a gap of {abs(explanation.gap):.1g}"
    if explanation.tolerance is None:
        return f"{compared}, which is rounding"
    kept = "within" if abs(explanation.gap) <= explanation.tolerance else "BEYOND"
    return f"{compared}, {kept} the tolerance of {explanation.tolerance:g} ({explanation.steps:,} points of the path)"


def method_name(explanation: Explanation) -> str:
    """Return the method in words."""
    return explanation.method.replace("_", " ")


def signed(value: float) -> str:
    """Return a number of logits with its sign."""
    return f"{value:+.3f}"


def _tokens(count: int) -> str:
    return "token" if count == 1 else "tokens"
