"""A recurrent network with its optimizer and its weight averages: the training step, prediction, and the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import Config, RecurrentModel
from sentiment_lab.data.token_sequences import TokenSequences
from sentiment_lab.data.vocabulary import PADDING_ID, UNKNOWN_ID
from sentiment_lab.models.backend import keras, reset_global_settings, tf
from sentiment_lab.models.prediction import predict_logits
from sentiment_lab.models.recurrent import build_recurrent, compile_logits, split_at_embedding, start_embedding
from sentiment_lab.training.history import Weights
from sentiment_lab.training.optimizers import build_optimizer

TOKENS = tf.TensorSpec([None, None], tf.int32)
LABELS = tf.TensorSpec([None], tf.float32)
_TINY = 1e-12
"""Avoids a division by 0 for a review without a gradient."""


def prepare_process(threads: int | None, *, deterministic: bool) -> None:
    """Release earlier models and set the options that TensorFlow keeps for the whole process.

    Raises ConfigError when TensorFlow already runs with another number of threads.
    """
    keras.utils.clear_session()
    reset_global_settings()
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    if threads is not None and tf.config.threading.get_intra_op_parallelism_threads() != threads:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError as error:
            raise ConfigError([f"launch.threads cannot change within one process, got {threads}"]) from error


class Trainer:
    """Trains a network on batches of (batch, steps) int32 token ids and (batch,) float32 labels."""

    def __init__(
        self,
        config: Config,
        model: RecurrentModel,
        vocabulary_size: int,
        steps: int,
        vectors: NDArray[np.float32] | None = None,
    ) -> None:
        """Build the network for `steps` optimizer steps in all; its start depends on the seed and `vectors` alone."""
        keras.utils.set_random_seed(config.seed)
        self.network = build_recurrent(model, vocabulary_size, config.seed, masked=config.text.padding == "masked")
        if vectors is not None:
            start_embedding(self.network, vectors)
        self.optimizer = build_optimizer(config.optimizer, steps)
        self.optimizer.build(self.network.trainable_variables)
        self._model, self._seed, self._pad_left_to = model, config.seed, config.text.pad_left_to
        self._smoothing, self._word_dropout = config.training.label_smoothing, config.training.word_dropout
        self._adversarial = config.training.adversarial
        self._decay = config.training.averaging_decay if config.training.averaging == "ema" else None
        self._averages = [tf.Variable(value) for value in self.network.trainable_variables] if self._decay else []
        self._step = tf.function(self._train_step, input_signature=[TOKENS, LABELS], autograph=False)
        self._logits = compile_logits(self.network)

    def train_step(self, token_ids: NDArray[np.int32], labels: NDArray[np.float32]) -> tuple[float, int]:
        """Take one optimizer step; return the mean loss in nats and the number of correct predictions before it."""
        loss, correct = self._step(token_ids, labels)
        return float(loss), int(correct)

    def predict_logits(self, sequences: TokenSequences) -> NDArray[np.float32]:
        """Return the logits (texts,) of texts in their own order, by the averages where averaging is on."""
        if not self._averages:
            return predict_logits(self._logits, sequences, pad_left_to=self._pad_left_to)
        trained = _copies(self.network.trainable_variables)
        self._assign(self.weights())
        logits = predict_logits(self._logits, sequences, pad_left_to=self._pad_left_to)
        self._assign(trained)
        return logits

    @property
    def learning_rate(self) -> float:
        """Rate of the next step."""
        return float(self.optimizer.learning_rate)

    def weights(self) -> Weights:
        """Return a copy of the weights to keep: the averages where averaging is on."""
        return _copies(self._averages or self.network.trainable_variables)

    def set_weights(self, weights: Weights) -> None:
        """Replace the weights of the network and their averages; further steps start from them."""
        self._assign(weights)
        for average, value in zip(self._averages, weights, strict=False):
            average.assign(value)

    def state(self) -> dict[str, list[NDArray[Any]]]:
        """Return copies of all variables that the next step depends on, the random state of every dropout included."""
        return {name: _copies(variables) for name, variables in self._state().items()}

    def restore_state(self, state: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        """Restore the values that `state` returned."""
        for name, variables in self._state().items():
            for variable, value in zip(variables, state.get(name, []), strict=True):
                variable.assign(value)

    def _state(self) -> dict[str, Sequence[Any]]:
        # `variables`, not `weights`: they include the seed generators of dropout, which evaluation advances too.
        variables = {"network": self.network.variables, "optimizer": self.optimizer.variables}
        return {**variables, "averages": self._averages}

    def _assign(self, weights: Weights) -> None:
        for variable, value in zip(self.network.trainable_variables, weights, strict=True):
            variable.assign(value)

    def _train_step(self, token_ids: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        token_ids = self._drop_words(token_ids)
        compute = self._adversarial_gradients if self._adversarial else self._gradients
        loss, logits, gradients = compute(token_ids, labels)
        # The embedding's gradient stays in slices, as `fit` passes it: docs/log.md has the cost of summing them first.
        self.optimizer.apply(gradients, self.network.trainable_variables)
        self._average()
        correct = tf.reduce_sum(tf.cast((logits > 0) == (labels > 0.5), tf.int32))
        return loss, correct

    def _gradients(self, token_ids: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, list[Any]]:
        """Return the loss, the logits and the gradients of one step."""
        with tf.GradientTape() as tape:
            logits = tf.squeeze(self.network(token_ids, training=True), axis=-1)
            loss = self._loss(logits, labels)
        return loss, logits, tape.gradient(loss, self._values())

    def _adversarial_gradients(self, token_ids: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, list[Any]]:
        """Return the clean loss, the logits, and the gradients of the sum of the clean and the adversarial loss term.

        The perturbation of a review is the gradient of its loss with respect to the embedded tokens, scaled to a share
        of their norm (Miyato, Dai and Goodfellow, ICLR 2017, who normalize the embeddings and fix the norm instead).
        """
        embed, rest = self._split
        mask = embed.compute_mask(token_ids)
        with tf.GradientTape() as tape:
            embedded = embed(token_ids)
            logits = tf.squeeze(rest(embedded, mask=mask, training=True), axis=-1)
            loss = self._loss(logits, labels)
        *gradients, direction = tape.gradient(loss, [*self._values(), embedded])
        perturbation = self._adversarial * _norm(embedded, mask) * direction / (_norm(direction, mask) + _TINY)
        with tf.GradientTape() as tape:
            perturbed = rest(embed(token_ids) + perturbation, mask=mask, training=True)
            adversarial_loss = self._loss(tf.squeeze(perturbed, axis=-1), labels)
        adversarial = tape.gradient(adversarial_loss, self._values())
        return loss, logits, [_sum(one, other) for one, other in zip(gradients, adversarial, strict=True)]

    @cached_property
    def _split(self) -> tuple[keras.layers.Layer, keras.Model]:
        return split_at_embedding(self._model, self.network)

    def _loss(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        targets = labels * (1.0 - self._smoothing) + 0.5 * self._smoothing
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))

    def _values(self) -> list[tf.Variable]:
        return [variable.value for variable in self.network.trainable_variables]

    def _drop_words(self, token_ids: tf.Tensor) -> tf.Tensor:
        if not self._word_dropout:
            return token_ids
        # Drawn from (seed, step), so that a checkpoint needs no further state.
        seed = [self._seed, tf.cast(self.optimizer.iterations.value, tf.int64)]
        dropped = tf.random.stateless_uniform(tf.shape(token_ids), seed) < self._word_dropout
        return tf.where(dropped & (token_ids != PADDING_ID), UNKNOWN_ID, token_ids)

    def _average(self) -> None:
        if self._decay is None:
            return
        # The average would contain the random start for 1 / (1 - decay) steps; a smaller decay at first removes it.
        steps = tf.cast(self.optimizer.iterations.value, tf.float32)
        decay = tf.minimum(self._decay, (1.0 + steps) / (10.0 + steps))
        for average, variable in zip(self._averages, self.network.trainable_variables, strict=True):
            average.assign(decay * average + (1.0 - decay) * variable.value)


def _norm(tokens: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Return the norm over all unmasked tokens of each review, (batch, 1, 1), from (batch, steps, features)."""
    squares = tf.square(tokens)
    if mask is not None:
        squares = tf.where(mask[:, :, tf.newaxis], squares, 0.0)
    return tf.sqrt(tf.reduce_sum(squares, axis=[1, 2], keepdims=True))


def _sum(one: Any, other: Any) -> Any:
    """Add two gradients of one variable; gradients in slices belong to the same tokens."""
    if isinstance(one, tf.IndexedSlices):
        return tf.IndexedSlices(one.values + other.values, one.indices, one.dense_shape)
    return one + other


def _copies(variables: Sequence[Any]) -> list[NDArray[Any]]:
    # The array of a variable may share its memory, which the next step overwrites.
    return [np.array(variable.numpy(), copy=True) for variable in variables]
