"""Keras as in its examples: TextVectorization to a fixed width, then `predict` on padded arrays in batches of 256."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from benchmarks.peers.keras_fit import build_network, use_threads
from benchmarks.protocol import serve
from benchmarks.reviews import load_texts

BATCH = 256


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Fit the vocabulary and build the network; a request classifies `reviews` reviews from index `start`."""
    use_threads(settings["threads"])
    texts, length = load_texts(settings).texts, settings["max_length"]
    # output_sequence_length keeps the first tokens; ours keeps the same number of last tokens.
    encode = keras.layers.TextVectorization(settings["vocabulary_size"], output_sequence_length=length)
    encode.adapt(tf.data.Dataset.from_tensor_slices(texts[:5_000]).batch(512))
    network = build_network(settings["vocabulary_size"], settings)

    def predict(start: int, reviews: int) -> dict[str, Any]:
        batch = texts[start : start + reviews]
        started = time.perf_counter()
        network.predict(encode(tf.constant(batch)), batch_size=BATCH, verbose=0)
        return {"seconds": time.perf_counter() - started, "reviews": len(batch)}

    return predict


if __name__ == "__main__":
    serve(build)
