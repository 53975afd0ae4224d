"""Ours: one stage on generated text of a given size, with its time and its memory beyond the input."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.protocol import peak_bytes, serve
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.batching import training_batches
from sentiment_lab.data.token_sequences import TokenSequences
from sentiment_lab.data.tokenized_texts import tokenize_texts
from sentiment_lab.data.vocabulary import fit_vocabulary

WORDS = 50_000
"""Distinct words of the generated text; word r has a probability of about 1 / r."""


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Prepare the input of the stage; a request runs the stage once."""
    stages = {
        "tokens": _tokens,
        "vocabulary and encoding": _encoding,
        "training step": _step,
        "prediction": _prediction,
    }
    run = stages[settings["stage"]](settings)
    before = peak_bytes()

    def measure() -> dict[str, Any]:
        started = time.perf_counter()
        run()
        return {"seconds": time.perf_counter() - started, "more_bytes": peak_bytes() - before}

    return measure


def _texts(settings: dict[str, Any]) -> list[str]:
    generator = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(WORDS)], object)
    return [" ".join(words[_ranks(generator, settings["length"])]) for _ in range(settings["reviews"])]


def _ranks(generator: np.random.Generator, count: int) -> np.ndarray:
    """Draw ranks from 0 by Zipf's law: their logarithms are uniform."""
    return (np.exp(generator.random(count) * np.log(WORDS)) - 1).astype(np.int64)


def _sequences(settings: dict[str, Any]) -> TokenSequences:
    reviews, length = settings["reviews"], settings["length"]
    token_ids = np.minimum(_ranks(np.random.default_rng(0), reviews * length) + 2, 9_999).astype(np.int32)
    return TokenSequences(token_ids, np.arange(reviews + 1) * length)


def _tokens(settings: dict[str, Any]) -> Callable[[], object]:
    texts = _texts(settings)
    return lambda: tokenize_texts(texts, lowercase=True)


def _encoding(settings: dict[str, Any]) -> Callable[[], object]:
    reviews, length = settings["reviews"], settings["length"]
    names = [f"word{number:05}" for number in range(WORDS)]
    word_ids = _ranks(np.random.default_rng(0), reviews * length).astype(np.int32)
    sequences = TokenSequences(word_ids, np.arange(reviews + 1) * length)
    text = compose_config([f"text.max_length={length}"]).text

    def encode() -> None:
        vocabulary = fit_vocabulary(names, sequences.counts(len(names)), text)
        sequences.truncate(text.max_length, text.keep).renumber(vocabulary.encode(names))

    return encode


def _step(settings: dict[str, Any]) -> Callable[[], object]:
    trainer, sequences = _trainer(settings), _sequences(settings)
    labels = (np.arange(len(sequences)) % 2).astype(np.float32)
    batches = training_batches(sequences, 64, "similar_length", seed=0, epoch=1)
    small = training_batches(_sequences({**settings, "reviews": 64, "length": 8}), 64, "shuffled", seed=0, epoch=1)[0]
    trainer.train_step(small.token_ids, (np.arange(64) % 2).astype(np.float32))

    def steps() -> None:
        for index in range(min(len(batches), settings["steps"])):
            batch = batches[index]
            trainer.train_step(batch.token_ids, labels[batch.indices])

    return steps


def _prediction(settings: dict[str, Any]) -> Callable[[], object]:
    trainer, sequences = _trainer(settings), _sequences(settings)
    trainer.predict_logits(_sequences({**settings, "reviews": 64, "length": 8}))
    return lambda: trainer.predict_logits(sequences)


def _trainer(settings: dict[str, Any]) -> Any:
    from sentiment_lab.training.trainer import Trainer, prepare_process

    config = compose_config(["model=lstm", f"model.units=[{settings['units']}]"])
    prepare_process(settings["threads"], deterministic=config.training.deterministic)
    return Trainer(config, config.model, 10_000, steps=10_000)


if __name__ == "__main__":
    serve(build)
