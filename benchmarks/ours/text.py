"""Ours: tokenization, vocabulary and encoding, cold and warm; word vectors; padding."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.protocol import serve
from benchmarks.reviews import load_texts
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.batching import training_batches
from sentiment_lab.data.cooccurrence import word_vectors
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.data.tokenized_texts import load_tokens
from sentiment_lab.data.vocabulary import fit_vocabulary


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load the texts; a request measures the stage `cold`, `warm`, `vectors` or `padding`."""
    corpus = load_texts(settings)
    config = compose_config(settings["overrides"])
    cache, train = Path(settings["encoded"]), np.arange(settings["train"])
    build_dataset(config, cache)

    def cold() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as empty:
            started = time.perf_counter()
            lowercase = config.text.lowercase
            words, sequences = load_tokens(Path(empty), corpus.order_hash, lambda: corpus.texts, lowercase=lowercase)
            vocabulary = fit_vocabulary(words, sequences.select(train).counts(len(words)), config.text)
            fitted = time.perf_counter()
            sequences.truncate(config.text.max_length, config.text.keep).renumber(vocabulary.encode(words))
            ended = time.perf_counter()
        return {"fit": fitted - started, "encode": ended - fitted, "seconds": ended - started}

    def warm() -> dict[str, Any]:
        started = time.perf_counter()
        build_dataset(config, cache)
        return {"seconds": time.perf_counter() - started}

    def vectors(size: int) -> dict[str, Any]:
        lowercase = config.text.lowercase
        words, sequences = load_tokens(cache, corpus.order_hash, lambda: corpus.texts, lowercase=lowercase)
        vocabulary = fit_vocabulary(words, sequences.select(train).counts(len(words)), config.text)
        encoded = sequences.renumber(vocabulary.encode(words))
        started = time.perf_counter()
        word_vectors(encoded, vocabulary.size, size)
        return {"seconds": time.perf_counter() - started}

    def padding(max_length: int, batching: str) -> dict[str, Any]:
        longer = compose_config([*settings["overrides"], f"text.max_length={max_length}"])
        batches = training_batches(build_dataset(longer, cache).train.sequences, 64, batching, seed=0, epoch=1)
        started = time.perf_counter()
        cells = sum(batch.token_ids.size for batch in batches)
        return {"seconds": time.perf_counter() - started, "share": 1 - batches.tokens / cells}

    stages = {"cold": cold, "warm": warm, "vectors": vectors, "padding": padding}
    return lambda stage="cold", **more: stages[stage](**more)


if __name__ == "__main__":
    serve(build)
