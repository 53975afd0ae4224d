"""Integrated gradients: the attribution of a network's logit to the tokens that it read.

M. Sundararajan, A. Taly, Q. Yan: Axiomatic attribution for deep networks. ICML 2017.

The contribution of a token is the inner product of its embedding with the gradient of the logit, averaged over the
straight path from all embeddings at zero to those of the text. The contributions sum to the difference of the logits at
both ends. That holds for each piece of the path as well, so a piece with too large a gap is halved until the gap is
small: the logit of a confident network changes on a short piece of the path alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.data.vocabulary import PADDING_ID
from sentiment_lab.explain.attribution import Attribution
from sentiment_lab.models.backend import keras, tf

TOLERANCE = 1e-3
"""Largest accepted gap, in logits."""
MOST_STEPS = 512
"""Points of the path at which the refinement ends; the remaining gap is shown."""
TOKENS_AT_ONCE = 32_768
"""Tokens whose gradients are computed together: about 300 MB with 64 units in both directions."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
# Within a piece [0, 1]. Its ends have weight 0: they give the difference of the logits that the gap is measured from.
_POINTS = np.concatenate([[0.0], 0.5 * (_NODES + 1.0), [1.0]])
_POINT_WEIGHTS = np.concatenate([[0.0], 0.5 * _WEIGHTS, [0.0]])


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
        """Return these pieces with the wrong ones replaced by their halves."""
        return _Pieces(
            np.concatenate([self.edges[~wrong], halves.edges]),
            np.concatenate([self.logits[~wrong], halves.logits]),
            np.concatenate([self.contributions[~wrong], halves.contributions]),
        )


class IntegratedGradients:
    """Attributes the logit of a network from `build_recurrent` to its tokens."""

    def __init__(self, network: keras.Model) -> None:
        self._embed = network.get_layer("embedding")
        self._differentiate = compile_gradients(network)

    def attribute(
        self, token_ids: NDArray[np.int32], *, pad_left_to: int | None = None, tolerance: float = TOLERANCE
    ) -> Attribution:
        """Return the contribution of each of the token ids (tokens,), which are padded here.

        Padding, which is an input like any word for an unmasked network, keeps its embedding along the path, so that
        the contributions of the words alone sum to the difference of the logits.
        """
        padding = max(0, (pad_left_to or 0) - len(token_ids))
        token_ids = np.pad(token_ids, (padding, 0), constant_values=PADDING_ID)
        pieces = self._measure(token_ids, _halves(np.array([[0.0, 1.0]])))
        while pieces.gaps.sum() > tolerance and _steps(pieces) < MOST_STEPS:
            wrong = pieces.gaps > tolerance / (2 * len(pieces.edges))
            pieces = pieces.replace(wrong, self._measure(token_ids, _halves(pieces.edges[wrong])))
        baseline_logit = pieces.logits[np.argmin(pieces.edges[:, 0]), 0]
        return Attribution(pieces.contributions.sum(axis=0)[padding:], float(baseline_logit), _steps(pieces), tolerance)

    def _measure(self, token_ids: NDArray[np.int32], edges: NDArray[np.float64]) -> _Pieces:
        embeddings = self._embed(token_ids).numpy()
        direction = np.where(token_ids[:, np.newaxis] != PADDING_ID, embeddings, 0.0)
        widths = edges[:, 1] - edges[:, 0]
        points = edges[:, :1] + widths[:, np.newaxis] * _POINTS
        logits, slopes = self._along(token_ids, embeddings - direction, direction, points.ravel())
        shares = slopes.reshape(*points.shape, -1) * _POINT_WEIGHTS[:, np.newaxis] * widths[:, np.newaxis, np.newaxis]
        return _Pieces(edges, logits.reshape(points.shape)[:, [0, -1]], shares.sum(axis=1))

    def _along(
        self,
        token_ids: NDArray[np.int32],
        start: NDArray[np.float32],
        direction: NDArray[np.float32],
        points: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the logits (points,) on the path and the share of each token in their slope: (points, tokens)."""
        logits, slopes = [], []
        rows = max(1, TOKENS_AT_ONCE // len(token_ids))
        for first in range(0, len(points), rows):
            steps = points[first : first + rows, np.newaxis, np.newaxis].astype(np.float32)
            logit, gradients = self._differentiate(token_ids, start + steps * direction)
            logits.append(logit.numpy())
            slopes.append(np.einsum("rte,te->rt", gradients.numpy(), direction, dtype=np.float64))
        return np.concatenate(logits).astype(np.float64), np.concatenate(slopes)


def compile_gradients(network: keras.Model) -> Callable[[Any, Any], tuple[tf.Tensor, tf.Tensor]]:
    """Return a function that computes logits and their gradients with respect to embeddings.

    It takes token ids (tokens,) int32, for the mask alone, and embeddings (rows, tokens, embedding) float32 to use
    instead; it returns logits (rows,) and gradients of the shape of the embeddings. Traced once for all shapes.
    """
    embed = network.get_layer("embedding")
    # Keras keeps masks in the network's graph; they are its only operations that are not layers.
    masks = [operation.output for operation in network.operations if not isinstance(operation, keras.Layer)]
    rest = keras.Model([embed.output, *masks], network.output)

    def differentiate(token_ids: tf.Tensor, embeddings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mask = embed.compute_mask(tf.repeat(token_ids[tf.newaxis], tf.shape(embeddings)[0], axis=0))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(embeddings)
            logits = rest([embeddings] if mask is None else [embeddings, mask], training=False)
        return tf.squeeze(logits, axis=-1), tape.gradient(logits, embeddings)

    signature = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, None, embed.output_dim], tf.float32)]
    return tf.function(differentiate, input_signature=signature, autograph=False)  # type: ignore[no-any-return]


def _steps(pieces: _Pieces) -> int:
    return len(pieces.edges) * len(_NODES)


def _halves(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    middles = edges.mean(axis=1, keepdims=True)
    return np.concatenate([np.hstack([edges[:, :1], middles]), np.hstack([middles, edges[:, 1:]])])
