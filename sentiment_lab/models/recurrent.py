"""Build a recurrent network from its config: token ids in, one logit out.

Reviews are padded on the right and masked, the one form that both Keras' loop on a CPU and the fused cuDNN kernels on
a GPU accept. Every initializer and every dropout draws from a seed of its own, so that a network depends on its config
and seed alone, and not on other networks that the process has built.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.settings import RecurrentModel, architecture
from sentiment_lab.models.backend import keras, layers, ops, tf

_CELLS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
_FUSED = ("gru", "lstm")


@keras.saving.register_keras_serializable(package="sentiment_lab")
class MaskedMaxPooling1D(layers.Layer):  # type: ignore[misc]
    """Maximum over the real steps: (batch, steps, features) float32 and its mask become (batch, features).

    Keras' own GlobalMaxPooling1D ignores the mask.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.supports_masking = True

    def call(self, states: Any, mask: Any = None) -> Any:
        """Return the maximum of each feature; states lie in [-1, 1], so padding set to -1 never wins."""
        if mask is None:
            return ops.max(states, axis=1)
        return ops.max(ops.where(ops.expand_dims(mask, axis=-1), states, -1.0), axis=1)

    def compute_mask(self, _states: Any, _mask: Any = None) -> None:
        """Return None: the output has no steps to mask."""


def build_recurrent(model: RecurrentModel, vocabulary_size: int, seed: int, *, masked: bool = True) -> keras.Model:
    """Build the network, from int32 token ids (batch, steps), padded with 0, to float32 logits (batch, 1).

    Masked padding is on the right and is skipped; unmasked padding is an input like any word.

    Each row needs at least one token: the fused kernels refuse an empty one. Initial weights are Keras' defaults
    (uniform embeddings, Glorot, orthogonal, forget bias 1).
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    named = {layer.name: layer for layer in _layers(model, vocabulary_size, seed, masked=masked)}
    logits = _forward(model, named["embedding"](token_ids), named.__getitem__)
    return keras.Model(token_ids, logits, name=architecture(model))


def split_at_embedding(model: RecurrentModel, network: keras.Model) -> tuple[layers.Layer, keras.Model]:
    """Return the embedding and the rest of a network, from embedded tokens (batch, steps, embedding) to logits."""
    embedded = keras.Input((None, model.embedding_size), name="embedded")
    rest = keras.Model(embedded, _forward(model, embedded, network.get_layer))
    rest.supports_masking = True
    return network.get_layer("embedding"), rest


def standalone_network(model: RecurrentModel, network: keras.Model, *, masked: bool = True) -> keras.Model:
    """Return a network with the weights of `network` that needs no code of this package to be loaded.

    It has Keras' own layers and operations alone and maps token ids (batch, steps) int32 to the probability of a
    positive review, float32 (batch, 1).
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    real = ops.expand_dims(ops.not_equal(token_ids, 0), axis=-1) if masked else True

    def layer(name: str) -> Callable[[Any], Any]:
        if name == "max_pooling":
            return lambda states: ops.max(ops.where(real, states, -1.0), axis=1)
        # The layer that joins both poolings is built again: Keras' own holds the graph of one with a layer of ours.
        known: Callable[[Any], Any] = network.get_layer(name) if name != "max_mean_pooling" else layers.Concatenate()
        return known

    logits = _forward(model, network.get_layer("embedding")(token_ids), layer)
    return keras.Model(token_ids, layers.Activation("sigmoid", name="probability")(logits), name=network.name)


def start_embedding(network: keras.Model, vectors: NDArray[np.float32]) -> None:
    """Initialize the embedding with `vectors` (vocabulary, embedding); a row of zeros keeps its random values."""
    weights = network.get_layer("embedding").embeddings
    known = np.any(vectors != 0, axis=1, keepdims=True)
    weights.assign(np.where(known, vectors, weights.numpy()))


def compile_logits(network: keras.Model) -> Callable[[Any], tf.Tensor]:
    """Return a function from token ids (batch, steps) int32 to logits (batch,) float32, traced once for all shapes."""

    def logits(token_ids: tf.Tensor) -> tf.Tensor:
        return tf.squeeze(network(token_ids, training=False), axis=-1)

    return tf.function(logits, input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False)  # type: ignore[no-any-return]


def execution_path(model: RecurrentModel) -> str:
    """Return where and how the recurrent layers run here: cpu:while_loop, gpu:while_loop or gpu:cudnn."""
    if not tf.config.list_logical_devices("GPU"):
        return "cpu:while_loop"
    return "gpu:cudnn" if model.cell in _FUSED and not model.recurrent_dropout else "gpu:while_loop"


def _layers(model: RecurrentModel, vocabulary_size: int, seed: int, *, masked: bool) -> Iterator[layers.Layer]:
    """Build all layers, under the names that `_forward` uses."""
    uniform = keras.initializers.RandomUniform(-0.05, 0.05, seed=_seed(seed, "embedding"))
    yield layers.Embedding(vocabulary_size, model.embedding_size, uniform, mask_zero=masked, name="embedding")
    drop = _seed(seed, "embedding_dropout")
    yield layers.SpatialDropout1D(model.embedding_dropout, seed=drop, name="embedding_dropout")
    for depth in range(1, len(model.units) + 1):
        yield _recurrent_layer(model, depth, seed)
        yield layers.Dropout(model.dropout, seed=_seed(seed, f"dropout_{depth}"), name=f"dropout_{depth}")
    yield MaskedMaxPooling1D(name="max_pooling")
    yield layers.GlobalAveragePooling1D(name="mean_pooling")
    yield layers.Concatenate(name="max_mean_pooling")
    yield layers.Dropout(model.dropout, seed=_seed(seed, "dropout_output"), name="dropout_output")
    yield layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(_seed(seed, "logit")), name="logit")


def _forward(model: RecurrentModel, states: Any, layer: Callable[[str], layers.Layer]) -> Any:
    """Return the logits (batch, 1) of embedded tokens (batch, steps, embedding)."""
    if model.embedding_dropout:
        states = layer("embedding_dropout")(states)
    for depth in range(1, len(model.units) + 1):
        states = layer(_recurrent_name(model, depth))(states)
        if model.dropout and depth < len(model.units):
            states = layer(f"dropout_{depth}")(states)
    features = _pool(model, states, layer)
    if model.dropout:
        features = layer("dropout_output")(features)
    return layer("logit")(features)


def _recurrent_name(model: RecurrentModel, depth: int) -> str:
    return f"bidirectional_{depth}" if model.bidirectional else f"{model.cell}_{depth}"


def _recurrent_layer(model: RecurrentModel, depth: int, seed: int) -> layers.Layer:
    name = f"{model.cell}_{depth}"
    if not model.bidirectional:
        return _direction(model, depth, seed, name)
    # By default Bidirectional copies the forward layer with its seeds: both directions would start with equal weights.
    backward = _direction(model, depth, seed, f"backward_{name}", go_backwards=True)
    forward = _direction(model, depth, seed, f"forward_{name}")
    return layers.Bidirectional(forward, backward_layer=backward, name=_recurrent_name(model, depth))


def _direction(model: RecurrentModel, depth: int, seed: int, name: str, *, go_backwards: bool = False) -> layers.Layer:
    return _CELLS[model.cell](
        model.units[depth - 1],
        kernel_initializer=keras.initializers.GlorotUniform(_seed(seed, f"{name}/kernel")),
        recurrent_initializer=keras.initializers.Orthogonal(seed=_seed(seed, f"{name}/recurrent_kernel")),
        recurrent_dropout=model.recurrent_dropout,
        seed=_seed(seed, f"{name}/dropout"),
        return_sequences=depth < len(model.units) or model.pooling != "last",
        go_backwards=go_backwards,
        name=name,
    )


def _pool(model: RecurrentModel, states: Any, layer: Callable[[str], layers.Layer]) -> Any:
    names = {"max": ["max_pooling"], "mean": ["mean_pooling"], "max_mean": ["max_pooling", "mean_pooling"]}
    pooled = [layer(name)(states) for name in names.get(model.pooling, [])]
    if not pooled:
        return states
    return layer("max_mean_pooling")(pooled) if len(pooled) > 1 else pooled[0]


def _seed(seed: int, name: str) -> int:
    """Return a seed in [0, 2^31) of one random source, from the run's seed and the name of the source."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4]) >> 1
