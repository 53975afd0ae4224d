"""Integrated gradients: a network's logit divided among the tokens that it read.

M. Sundararajan, A. Taly, Q. Yan: Axiomatic attribution for deep networks. ICML 2017.

A token contributes the inner product of its embedding with the gradient of the logit there, averaged over the straight
path from all embeddings at zero to those of the text. The contributions sum to the difference of the logits at both
ends. That holds for each piece of the path as well, so a piece on which it does not come out is halved until it does: a
network that is sure of itself rises on a short piece alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.explain.attribution import Attribution
from sentiment_lab.models.backend import keras, tf

TOLERANCE = 1e-3
"""Logits that the contributions may miss the difference by."""
MOST_STEPS = 512
"""Points of the path after which the gap is left as it is, and shown."""
TOKENS_AT_ONCE = 32_768
"""Tokens whose gradients are computed together: about 300 MB with 64 units in both directions."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
# Within a piece [0, 1]. Its ends weigh nothing: they are there for the difference that the points must add up to.
_PLACES = np.concatenate([[0.0], 0.5 * (_NODES + 1.0), [1.0]])
_SHARES = np.concatenate([[0.0], 0.5 * _WEIGHTS, [0.0]])


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Pieces of the path from 0, the baseline, to 1, the text."""

    edges: NDArray[np.float64]
    """(pieces, 2)"""
    logits: NDArray[np.float64]
    """(pieces, 2), at the edges."""
    contributions: NDArray[np.float64]
    """(pieces, tokens)"""

    @property
    def gaps(self) -> NDArray[np.float64]:
        rises = self.logits[:, 1] - self.logits[:, 0]
        return np.asarray(np.abs(self.contributions.sum(axis=1) - rises))

    def replace(self, wrong: NDArray[np.bool_], halves: Self) -> _Pieces:
        """Return these pieces with the halves of some in their places."""
        return _Pieces(
            np.concatenate([self.edges[~wrong], halves.edges]),
            np.concatenate([self.logits[~wrong], halves.logits]),
            np.concatenate([self.contributions[~wrong], halves.contributions]),
        )


class IntegratedGradients:
    """Divides the logit of a network from `build_recurrent` among its tokens."""

    def __init__(self, network: keras.Model) -> None:
        self._embed = network.get_layer("embedding")
        self._differentiate = compile_gradients(network)

    def attribute(
        self, token_ids: NDArray[np.int32], *, pad_left_to: int | None = None, tolerance: float = TOLERANCE
    ) -> Attribution:
        """Return what each of the token ids (tokens,), which are padded here, contributes.

        Padding, which an unmasked network reads like a word, keeps its embedding along the path, so that the words
        share the whole difference among them.
        """
        padding = max(0, (pad_left_to or 0) - len(token_ids))
        token_ids = np.pad(token_ids, (padding, 0))
        pieces = self._measure(token_ids, _halves(np.array([[0.0, 1.0]])))
        while pieces.gaps.sum() > tolerance and _steps(pieces) < MOST_STEPS:
            wrong = pieces.gaps > tolerance / (2 * len(pieces.edges))
            pieces = pieces.replace(wrong, self._measure(token_ids, _halves(pieces.edges[wrong])))
        baseline_logit = pieces.logits[np.argmin(pieces.edges[:, 0]), 0]
        return Attribution(pieces.contributions.sum(axis=0)[padding:], float(baseline_logit), _steps(pieces), tolerance)

    def _measure(self, token_ids: NDArray[np.int32], edges: NDArray[np.float64]) -> _Pieces:
        embeddings = self._embed(token_ids).numpy()
        direction = np.where(token_ids[:, np.newaxis] != 0, embeddings, 0.0)
        widths = edges[:, 1] - edges[:, 0]
        places = edges[:, :1] + widths[:, np.newaxis] * _PLACES
        logits, slopes = self._along(token_ids, embeddings - direction, direction, places.ravel())
        shares = slopes.reshape(*places.shape, -1) * _SHARES[:, np.newaxis] * widths[:, np.newaxis, np.newaxis]
        return _Pieces(edges, logits.reshape(places.shape)[:, [0, -1]], shares.sum(axis=1))

    def _along(
        self,
        token_ids: NDArray[np.int32],
        start: NDArray[np.float32],
        direction: NDArray[np.float32],
        places: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the logits (places,) on the path and what each token adds to their slope: (places, tokens)."""
        logits, slopes = [], []
        rows = max(1, TOKENS_AT_ONCE // len(token_ids))
        for first in range(0, len(places), rows):
            steps = places[first : first + rows, np.newaxis, np.newaxis].astype(np.float32)
            found, gradients = self._differentiate(token_ids, start + steps * direction)
            logits.append(found.numpy())
            slopes.append(np.einsum("rte,te->rt", gradients.numpy(), direction, dtype=np.float64))
        return np.concatenate(logits).astype(np.float64), np.concatenate(slopes)


def compile_gradients(network: keras.Model) -> Callable[[Any, Any], tuple[tf.Tensor, tf.Tensor]]:
    """Return a function that gives logits and their gradients with respect to embeddings.

    It takes the token ids (tokens,) int32, for the mask alone, and embeddings (rows, tokens, embedding) float32 to put
    in their place; it returns logits (rows,) and gradients of the embeddings' shape. Traced once for all shapes.
    """
    embed = network.get_layer("embedding")
    # Keras keeps masks in the network's graph; they are its only operations that are no layers.
    masks = [operation.output for operation in network.operations if not isinstance(operation, keras.Layer)]
    rest = keras.Model([embed.output, *masks], network.output)

    def differentiate(token_ids: tf.Tensor, embeddings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mask = embed.compute_mask(tf.repeat(token_ids[tf.newaxis], tf.shape(embeddings)[0], axis=0))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(embeddings)
            logits = rest([embeddings] if mask is None else [embeddings, mask], training=False)
        return tf.squeeze(logits, axis=-1), tape.gradient(logits, embeddings)

    signature = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None, embed.output_dim], tf.float32)]
    return tf.function(differentiate, input_signature=signature)  # type: ignore[no-any-return]


def _steps(pieces: _Pieces) -> int:
    return len(pieces.edges) * len(_NODES)


def _halves(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    middles = edges.mean(axis=1, keepdims=True)
    return np.concatenate([np.hstack([edges[:, :1], middles]), np.hstack([middles, edges[:, 1:]])])
