"""Each optimizer against its published update, written out in numpy; each schedule against literal numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment_lab.config.settings import OptimizerConfig
from sentiment_lab.training.optimizers import WarmupSchedule, build_optimizer

Vector = np.ndarray
START = np.array([0.5, -1.0, 2.0])
GRADIENTS = [np.array(row) for row in ([0.3, -0.2, 0.0], [0.1, 0.4, -2.0], [-0.6, 0.4, 1.0], [0.2, 0.0, 0.5])]
RATE = 0.05

PLAIN = OptimizerConfig(
    name="adam",
    learning_rate=RATE,
    schedule="constant",
    warmup=0.0,
    final_fraction=0.1,
    weight_decay=0.0,
    global_clipnorm=None,
    momentum=0.0,
)


def adam(gradients: list[Vector], _: float) -> Iterator[Vector]:
    """Kingma and Ba (2015), in the efficient order of computation of their section 2."""
    m, v = np.zeros(3), np.zeros(3)
    for t, g in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        yield np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)


def nadam(gradients: list[Vector], _: float) -> Iterator[Vector]:
    """Dozat (2016), algorithm 2, with its decay of the momentum."""
    m, v, product = np.zeros(3), np.zeros(3), 1.0
    for t, g in enumerate(gradients, start=1):
        now, then = (0.9 * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
        product *= now
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        ahead = then * m / (1 - product * then) + (1 - now) * g / (1 - product)
        yield ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)


def rmsprop(gradients: list[Vector], momentum: float) -> Iterator[Vector]:
    """Tieleman and Hinton (2012), with momentum on the scaled step."""
    v, step = np.zeros(3), np.zeros(3)
    for g in gradients:
        v = 0.9 * v + 0.1 * g**2
        step = momentum * step + g / np.sqrt(v + 1e-7)
        yield step


def sgd(gradients: list[Vector], momentum: float) -> Iterator[Vector]:
    """Classical momentum (Polyak 1964)."""
    step = np.zeros(3)
    for g in gradients:
        step = momentum * step + g
        yield step


def lion(gradients: list[Vector], _: float) -> Iterator[Vector]:
    """Chen et al. (2023), algorithm 2."""
    m = np.zeros(3)
    for g in gradients:
        yield np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g


PUBLISHED: dict[str, Callable[[list[Vector], float], Iterator[Vector]]] = {
    "adam": adam,
    "adamw": adam,
    "nadam": nadam,
    "rmsprop": rmsprop,
    "sgd": sgd,
    "lion": lion,
}


def ours(optimizer: OptimizerConfig, gradients: list[Vector], steps: int = 4) -> list[Vector]:
    variable = keras.Variable(START, dtype="float32")
    built = build_optimizer(optimizer, steps)
    built.build([variable])
    weights = []
    for gradient in gradients:
        built.apply([tf.constant(gradient, tf.float32)], [variable])
        weights.append(variable.numpy())
    return weights


def reference(optimizer: OptimizerConfig, gradients: list[Vector]) -> list[Vector]:
    weights, history = START.copy(), []
    for step in PUBLISHED[optimizer.name](gradients, optimizer.momentum):
        weights = weights - RATE * optimizer.weight_decay * weights
        weights = weights - RATE * step
        history.append(weights)
    return history


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("name", PUBLISHED)
def test_each_optimizer_takes_its_published_steps(name, weight_decay):
    optimizer = dataclasses.replace(PLAIN, name=name, weight_decay=weight_decay)
    np.testing.assert_allclose(ours(optimizer, GRADIENTS), reference(optimizer, GRADIENTS), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_momentum_adds_earlier_steps(name):
    optimizer = dataclasses.replace(PLAIN, name=name, momentum=0.8)
    np.testing.assert_allclose(ours(optimizer, GRADIENTS), reference(optimizer, GRADIENTS), rtol=2e-5, atol=2e-6)


def test_the_global_norm_is_clipped_over_all_variables():
    sgd_clipped = dataclasses.replace(PLAIN, name="sgd", learning_rate=1.0, global_clipnorm=2.5)
    variables = [keras.Variable([0.0, 0.0], dtype="float32"), keras.Variable([0.0], dtype="float32")]
    built = build_optimizer(sgd_clipped, 1)
    built.build(variables)
    built.apply([tf.constant([3.0, 0.0]), tf.constant([4.0])], variables)
    # The norm is 5, so that everything is halved.
    np.testing.assert_allclose(variables[0].numpy(), [-1.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(variables[1].numpy(), [-2.0], rtol=1e-6)


# Keras 3.15 takes an embedding's gradient in slices, one for each position in the batch, and squares each of them: the
# published updates square their sum. Published results depend on it, so a change in Keras must be noticed.


def step_on_a_word_that_repeats(optimizer: OptimizerConfig) -> np.ndarray:
    """Step of three embeddings (3,) where token 1 has the gradients 0.1, -0.4, 0.9 and token 2 has 0.3."""
    embedding = keras.layers.Embedding(3, 1, embeddings_initializer="zeros")
    embedding.build()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(embedding(tf.constant([[1, 1, 1, 2]])) * [[0.1], [-0.4], [0.9], [0.3]])
    gradients = tape.gradient(loss, [embedding.embeddings.value])
    build_optimizer(optimizer, 1).apply(gradients, embedding.trainable_variables)
    return embedding.embeddings.numpy()[:, 0]


def test_adam_adds_the_squares_of_a_word_that_repeats_in_a_batch():
    sums, squares = np.array([0.0, 0.6, 0.3]), np.array([0.0, 0.01 + 0.16 + 0.81, 0.09])
    expected = -RATE * sums / (np.sqrt(squares) + 1e-7 / math.sqrt(0.001))
    np.testing.assert_allclose(step_on_a_word_that_repeats(PLAIN), expected, rtol=2e-5)


def test_the_global_norm_adds_the_squares_of_a_word_that_repeats_in_a_batch():
    clipped = dataclasses.replace(PLAIN, name="sgd", global_clipnorm=0.5)
    scale = 0.5 / math.sqrt(0.01 + 0.16 + 0.81 + 0.09)
    expected = -RATE * scale * np.array([0.0, 0.6, 0.3])
    np.testing.assert_allclose(step_on_a_word_that_repeats(clipped), expected, rtol=2e-5)


CONSTANT = {0: 0.25, 1: 0.5, 3: 1.0, 4: 1.0, 9: 1.0, 14: 1.0}
# 15 steps, 4 of them warm-up: step 4 starts the decay, step 9 is its middle, step 14 the last.
COSINE = {0: 0.25, 1: 0.5, 3: 1.0, 4: 1.0, 9: 0.505, 14: 0.01, 20: 0.01}
EXPONENTIAL = {0: 0.25, 1: 0.5, 3: 1.0, 4: 1.0, 9: 0.1, 14: 0.01, 20: 0.01}


@pytest.mark.parametrize(
    ("schedule", "rates"), [("constant", CONSTANT), ("cosine", COSINE), ("exponential", EXPONENTIAL)]
)
def test_schedules_have_these_rates(schedule, rates):
    optimizer = dataclasses.replace(PLAIN, learning_rate=2.0, schedule=schedule, warmup=4 / 15, final_fraction=0.01)
    rate = WarmupSchedule(optimizer, 15)
    measured = {step: float(rate(step)) / 2.0 for step in rates}
    assert measured == pytest.approx(rates, rel=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "exponential"])
def test_without_warmup_the_first_step_has_the_peak(schedule):
    optimizer = dataclasses.replace(PLAIN, schedule=schedule)
    assert float(WarmupSchedule(optimizer, 100)(0)) == pytest.approx(RATE)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "exponential"])
def test_a_training_of_one_step_has_the_peak(schedule):
    assert float(WarmupSchedule(dataclasses.replace(PLAIN, schedule=schedule), 1)(0)) == pytest.approx(RATE)


def test_the_optimizer_follows_its_schedule():
    optimizer = dataclasses.replace(PLAIN, name="sgd", learning_rate=0.4, warmup=0.5)
    weights = ours(optimizer, [np.ones(3)] * 4, steps=4)
    steps = -np.diff([START, *weights], axis=0)[:, 0]
    np.testing.assert_allclose(steps, [0.2, 0.4, 0.4, 0.4], rtol=1e-6)
