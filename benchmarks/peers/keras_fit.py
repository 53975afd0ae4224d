"""Keras as in its guide to recurrent networks: padded arrays, `mask_zero=True`, `compile` and `fit`.

Padding the arrays is not timed. The time runs from the start of the first batch to the end of the last one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.protocol import serve
from benchmarks.reviews import load_part, padded

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "simple_rnn": layers.SimpleRNN}


def build_network(vocabulary_size: int, settings: dict[str, Any], *, masked: bool = True) -> keras.Model:
    """Return the compiled network: Embedding, recurrent layers, one sigmoid."""
    network = keras.Sequential([layers.Embedding(vocabulary_size, settings["embedding_size"], mask_zero=masked)])
    units = settings["units"]
    for depth, size in enumerate(units, start=1):
        layer = CELLS[settings["cell"]](size, return_sequences=depth < len(units))
        network.add(layers.Bidirectional(layer) if settings["bidirectional"] else layer)
    network.add(layers.Dense(1, activation="sigmoid"))
    optimizer = keras.optimizers.Adam(settings["learning_rate"])
    network.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return network


def use_threads(count: int) -> None:
    """Set the number of TensorFlow's threads."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Build the network; a request trains `steps` steps of shuffled batches."""
    use_threads(settings["threads"])
    part, vocabulary_size = load_part(settings["part"])
    token_ids, labels = padded(part, settings["max_length"]), part.labels.astype(np.float32)
    network = build_network(vocabulary_size, settings)
    size = settings["batch_size"]

    def train(steps: int, epoch: int) -> dict[str, Any]:
        rows = np.random.default_rng(epoch).permutation(len(part))[: steps * size]
        times: list[float] = []
        clock = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda *_, **__: times.append(time.perf_counter()))
        network.fit(token_ids[rows], labels[rows], batch_size=size, epochs=1, verbose=0, callbacks=[clock])
        return {"seconds": time.perf_counter() - times[0], "tokens": int(part.sequences.lengths[rows].sum())}

    return train


if __name__ == "__main__":
    serve(build)
