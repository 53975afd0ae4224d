"""Ours: one stage on generated text of a given size, with its time and its memory beyond the input."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.protocol import peak_bytes, serve
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.batching import evaluation_batches, training_batches
from sentiment_lab.data.dataset import Part
from sentiment_lab.data.token_sequences import TokenTable, tokenize_texts
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


def _part(settings: dict[str, Any]) -> Part:
    reviews, length = settings["reviews"], settings["length"]
    token_ids = np.minimum(_ranks(np.random.default_rng(0), reviews * length) + 2, 9_999).astype(np.int32)
    labels = (np.arange(reviews) % 2).astype(np.int8)
    return Part("train", np.empty(reviews, np.str_), labels, token_ids, np.arange(reviews + 1) * length)


def _tokens(settings: dict[str, Any]) -> Callable[[], object]:
    texts = _texts(settings)
    return lambda: tokenize_texts(texts, lowercase=True)


def _encoding(settings: dict[str, Any]) -> Callable[[], object]:
    reviews, length = settings["reviews"], settings["length"]
    names = [f"word{number:05}" for number in range(WORDS)]
    word_ids = _ranks(np.random.default_rng(0), reviews * length).astype(np.int32)
    table = TokenTable(names, word_ids, np.arange(reviews + 1) * length)
    text = compose_config([f"text.max_length={length}"]).text

    def encode() -> None:
        rows = np.arange(reviews)
        vocabulary = fit_vocabulary(table.words, table.counts(rows), text)
        cut, _ = table.cut(rows, text.max_length, text.keep)
        vocabulary.encode(table.words)[cut]

    return encode


def _step(settings: dict[str, Any]) -> Callable[[], object]:
    trainer, part = _trainer(settings), _part(settings)
    batches = training_batches(part, 64, "similar_length", seed=0, epoch=1)
    small = training_batches(_part({**settings, "reviews": 64, "length": 8}), 64, "shuffled", seed=0, epoch=1)[0]
    trainer.learn(small.token_ids, small.labels)

    def steps() -> None:
        for index in range(min(len(batches), settings["steps"])):
            trainer.learn(batches[index].token_ids, batches[index].labels)

    return steps


def _prediction(settings: dict[str, Any]) -> Callable[[], object]:
    trainer, part = _trainer(settings), _part(settings)
    small = _part({**settings, "reviews": 64, "length": 8})
    trainer.logits(evaluation_batches(small, 256), len(small))
    return lambda: trainer.logits(evaluation_batches(part, 256), len(part))


def _trainer(settings: dict[str, Any]) -> Any:
    from sentiment_lab.training.trainer import Trainer, prepare_process

    config = compose_config(["model=lstm", f"model.units=[{settings['units']}]"])
    prepare_process(settings["threads"], deterministic=config.training.deterministic)
    return Trainer(config, config.model, 10_000, steps=10_000)


if __name__ == "__main__":
    serve(build)
