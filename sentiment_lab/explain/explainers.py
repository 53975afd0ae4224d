"""Explanations of the predictions of a trained model: one function for every family."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import TextConfig, architecture
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.data.vocabulary import UNKNOWN, UNKNOWN_ID
from sentiment_lab.explain.attribution import Attribution, occlude, share_ngrams
from sentiment_lab.explain.explanation import Explanation, Method, choose_method
from sentiment_lab.models.classifier import Classifier, RecurrentClassifier
from sentiment_lab.models.linear import LinearClassifier
from sentiment_lab.models.logits import sigmoid

if TYPE_CHECKING:
    from sentiment_lab.explain.integrated_gradients import IntegratedGradients


def explain_texts(classifier: Classifier, texts: Sequence[str], method: Method | None = None) -> list[Explanation]:
    """Explain each text by `method`; None selects integrated_gradients of a network and weights of a linear model.

    The time, but not the memory, grows with the square of a text's length: the model predicts every prefix of it.
    Raises ExplanationError where the family does not support the method.
    """
    if isinstance(classifier, RecurrentClassifier):
        explain = _explain_network(classifier, choose_method("recurrent", method))
    elif isinstance(classifier, LinearClassifier):
        explain = _explain_linear(classifier, choose_method(classifier.settings.model.family, method))
    else:
        raise TypeError(f"a {type(classifier).__name__} cannot be explained")
    return [explain(text) for text in texts]


def _explain_network(classifier: RecurrentClassifier, method: Method) -> Callable[[str], Explanation]:
    attribute = _network_attribution(classifier, method)

    def explain(text: str) -> Explanation:
        tokens, unread = _truncate(tokenize(text, lowercase=classifier.text.lowercase) or [UNKNOWN], classifier.text)
        token_ids = classifier.vocabulary.encode(tokens)
        logits = classifier.predict_token_logits(_prefixes(token_ids))
        return Explanation(
            text=text,
            architecture=architecture(classifier.model),
            method=method,
            known=tuple((token_ids != UNKNOWN_ID).tolist()),
            unread=tuple(unread),
            keep=classifier.text.keep,
            **_results(tokens, logits, float(logits[-1]), attribute(token_ids)),
        )

    return explain


def _network_attribution(classifier: RecurrentClassifier, method: Method) -> Callable[[NDArray[np.int32]], Attribution]:
    if method == "occlusion":
        return lambda token_ids: occlude(classifier.predict_token_logits, token_ids, UNKNOWN_ID)
    gradients, pad_left_to = _integrated_gradients(classifier), classifier.text.pad_left_to
    return lambda token_ids: gradients.attribute(token_ids, pad_left_to=pad_left_to)


@functools.lru_cache(maxsize=1)
def _integrated_gradients(classifier: RecurrentClassifier) -> IntegratedGradients:
    """Return the compiled gradients of a network, which take seconds to trace."""
    from sentiment_lab.explain.integrated_gradients import IntegratedGradients

    return IntegratedGradients(classifier.network)


def _explain_linear(classifier: LinearClassifier, method: Method) -> Callable[[str], Explanation]:
    settings, bias = classifier.settings, float(classifier.bias.item())

    def explain(text: str) -> Explanation:
        tokens = tokenize(text, lowercase=settings.lowercase)
        ngrams = classifier.ngram_contributions(tokens)
        logits = classifier.predict_token_logits([tokens, *_prefixes(tokens)])
        attribution = Attribution(share_ngrams(ngrams, tokens, settings.model.ngrams), bias)
        if method == "occlusion" and tokens:
            attribution = occlude(classifier.predict_token_logits, np.array(tokens, object), UNKNOWN)
        return Explanation(
            text=text,
            architecture=architecture(settings.model),
            method=method,
            known=tuple(token in ngrams for token in tokens),
            unread=(),
            keep="last",
            **_results(tokens, logits[1:], float(logits[0]), attribution),
        )

    return explain


def _truncate(tokens: list[str], text: TextConfig) -> tuple[list[str], list[str]]:
    """Return the tokens that a network reads, those of `TokenSequences.truncate`, and the others."""
    if text.keep == "first":
        return tokens[: text.max_length], tokens[text.max_length :]
    dropped = max(0, len(tokens) - text.max_length)
    return tokens[dropped:], tokens[:dropped]


def _prefixes(tokens: Any) -> list[Any]:
    return [tokens[:end] for end in range(1, len(tokens) + 1)]


def _results(
    tokens: Sequence[str], logits: NDArray[np.float32], logit: float, attribution: Attribution
) -> dict[str, Any]:
    return {
        "tokens": tuple(tokens),
        "probabilities": tuple(sigmoid(logits).tolist()),
        "contributions": tuple(attribution.contributions.tolist()),
        "logit": logit,
        "baseline_logit": attribution.baseline_logit,
        "steps": attribution.steps,
        "tolerance": attribution.tolerance,
    }
