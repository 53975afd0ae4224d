"""Keras' TextVectorization: fit on the train part, encode all reviews."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from benchmarks.peers.keras_fit import use_threads
from benchmarks.protocol import serve
from benchmarks.reviews import load_texts


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load the texts; a request fits and encodes."""
    use_threads(settings["threads"])
    texts = load_texts(settings).texts

    def measure() -> dict[str, Any]:
        layer = keras.layers.TextVectorization(settings["vocabulary_size"], ragged=True)
        started = time.perf_counter()
        # Converting Python strings to a tensor is timed too: all candidates start from the same list.
        reviews = tf.data.Dataset.from_tensor_slices(texts)
        layer.adapt(reviews.take(settings["train"]).batch(512))
        fitted = time.perf_counter()
        for batch in reviews.batch(512):
            layer(batch)
        ended = time.perf_counter()
        return {"fit": fitted - started, "encode": ended - fitted, "seconds": ended - started}

    return measure


if __name__ == "__main__":
    serve(build)
