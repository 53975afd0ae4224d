"""Ours: so many steps of `Learner.learn` over `training_batches`, building the batches included."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.protocol import serve
from benchmarks.reviews import load_part
from sentiment_lab.compose import compose_config
from sentiment_lab.data.batching import training_batches
from sentiment_lab.learner import Learner, prepare_process


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Build the network of the config that `overrides` compose; a request trains `steps` steps of `epoch`."""
    config = compose_config(settings["overrides"])
    prepare_process(settings["threads"], deterministic=config.training.deterministic)
    part, vocabulary_size = load_part(settings["part"])
    learner = Learner(config, config.model, vocabulary_size, steps=10_000)
    training = config.training

    def train(steps: int, epoch: int) -> dict[str, Any]:
        started, tokens = time.perf_counter(), 0
        batches = training_batches(part, training.batch_size, training.batching, config.seed, epoch)
        for index in range(min(steps, len(batches))):
            batch = batches[index]
            learner.learn(batch.token_ids, batch.labels)
            tokens += int(batch.lengths.sum())
        return {"seconds": time.perf_counter() - started, "tokens": tokens}

    return train


if __name__ == "__main__":
    serve(build)
