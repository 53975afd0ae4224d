"""Ours, in parts: building batches only, with the forward pass, with the gradients, and the complete step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.protocol import serve
from benchmarks.reviews import load_part
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.batching import training_batches
from sentiment_lab.models.backend import tf
from sentiment_lab.training.trainer import LABELS, TOKENS, Trainer, prepare_process


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Build the network; a request runs `steps` batches of `epoch` up to one of the `stages`."""
    config = compose_config(settings["overrides"])
    prepare_process(settings["threads"], deterministic=config.training.deterministic)
    part, vocabulary_size = load_part(settings["part"])
    trainer = Trainer(config, config.model, vocabulary_size, steps=10_000)
    training, labels = config.training, part.labels.astype(np.float32)
    stages = {"batches": _batch_only, **_partial_steps(trainer), "step": trainer.train_step}

    def run_steps(steps: int, epoch: int, stage: str = "step") -> dict[str, Any]:
        run = stages[stage]
        started, tokens, reviews = time.perf_counter(), 0, 0
        batches = training_batches(part.sequences, training.batch_size, training.batching, config.seed, epoch)
        for index in range(min(steps, len(batches))):
            batch = batches[index]
            run(batch.token_ids, labels[batch.indices])
            tokens += int(batch.lengths.sum())
            reviews += len(batch.indices)
        return {"seconds": time.perf_counter() - started, "tokens": tokens, "reviews": reviews, "steps": index + 1}

    return run_steps


def _batch_only(_token_ids: np.ndarray, _labels: np.ndarray) -> None:
    """Ignore a batch: only building it is measured."""


def _partial_steps(trainer: Trainer) -> dict[str, Callable[..., Any]]:
    """Return the forward pass with its loss, and the same with the gradients."""
    network = trainer.network

    def loss_of(token_ids: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        logits = tf.squeeze(network(token_ids, training=True), axis=-1)
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))

    def gradients(token_ids: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = loss_of(token_ids, labels)
        return tape.gradient(loss, [variable.value for variable in network.trainable_variables])

    signature = [TOKENS, LABELS]
    return {
        "forward": tf.function(loss_of, input_signature=signature),
        "gradients": tf.function(gradients, input_signature=signature),
    }


if __name__ == "__main__":
    serve(build)
