"""The article's recipe in plain Keras, from texts to test predictions.

TextVectorization with 10,000 words fitted on the train part, the last 200 tokens padded on the left, Embedding 64,
Bidirectional(LSTM(64)), one sigmoid, Adam, four epochs of `fit` in shuffled batches of 64. After each epoch the test
part is predicted to measure the accuracy; only the last prediction is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.peers.keras_fit import build_network, use_threads
from benchmarks.protocol import serve
from benchmarks.reviews import load_texts

WORDS, LENGTH, BATCH = 10_000, 200, 64
NETWORK = {"cell": "lstm", "units": [64], "bidirectional": True, "embedding_size": 64, "learning_rate": 1e-3}


class Encoder:
    """Encodes texts as padded token ids."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Fit the vocabulary on the texts."""
        self._layer = keras.layers.TextVectorization(WORDS, ragged=True)
        self._layer.adapt(tf.data.Dataset.from_tensor_slices(texts).batch(512))

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return the last token ids (texts, LENGTH), padded on the left."""
        rows: list[list[int]] = []
        for batch in tf.data.Dataset.from_tensor_slices(texts).batch(512):
            rows += self._layer(batch)[:, -LENGTH:].to_list()
        return keras.utils.pad_sequences(rows, LENGTH)


class EpochRecords:
    """Records the training time and the test accuracy after each epoch."""

    def __init__(self, network: keras.Model, test: np.ndarray, labels: np.ndarray) -> None:
        self._network, self._test, self._labels = network, test, labels
        self._uncounted = 0.0
        self.records: list[dict[str, float]] = []

    def add(self, started: float) -> None:
        """Predict the test part; this time is not counted in the later epochs."""
        begun = time.perf_counter()
        probabilities = self._network.predict(self._test, batch_size=256, verbose=0)[:, 0]
        duration = time.perf_counter() - begun
        accuracy = float(np.mean((probabilities > 0.5) == (self._labels == 1)))
        self.records.append({"seconds": begun - started - self._uncounted + duration, "accuracy": accuracy})
        self._uncounted += duration


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load the texts; a request runs the recipe once, or only `steps` steps of each epoch."""
    use_threads(settings["threads"])
    corpus = load_texts(settings)
    texts, labels = corpus.texts, corpus.reviews["label"].to_numpy()
    train = slice(0, settings["train"])
    test = slice(settings["train"], None)

    def run(seed: int, epochs: int, steps: int | None) -> dict[str, Any]:
        keras.utils.set_random_seed(seed)
        started = time.perf_counter()
        encode = Encoder(texts[train])
        token_ids, held = encode(texts[train]), encode(texts[test])
        prepared = time.perf_counter()
        network = build_network(WORDS, NETWORK, masked=False)
        records = EpochRecords(network, held, labels[test])
        callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, **__: records.add(started))
        rows = slice(0, steps and steps * BATCH)
        targets = labels[train].astype(np.float32)[rows]
        network.fit(token_ids[rows], targets, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[callback])
        batches = -(-len(token_ids) // BATCH)
        return {"text_seconds": prepared - started, "epochs": records.records, "batches": batches}

    return run


if __name__ == "__main__":
    serve(build)
