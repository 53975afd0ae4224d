"""The training step: word dropout, adversarial loss, weight averages, and the start of a network."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.batching import evaluation_batches
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.models.backend import tf
from sentiment_lab.models.recurrent import build_recurrent, start_embedding
from sentiment_lab.training.epoch_loop import epoch_batches
from sentiment_lab.training.trainer import Trainer
from tests.tiny import TINY

PLAIN = [
    "model=simple_rnn",
    "model.pooling=last",
    "model.dropout=0",
    "model.embedding_dropout=0",
    "text.embedding_init=uniform",
]


@pytest.fixture
def trainer_of(cache):
    def trainer_of(*overrides):
        config = compose_config([*TINY, *PLAIN, *overrides])
        dataset = build_dataset(config, cache)
        return Trainer(config, config.model, dataset.vocabulary.size, 10, dataset.initial_vectors), dataset

    return trainer_of


def with_dropped_words(trainer, token_ids):
    """Return the token ids that the network receives in a step."""
    return trainer._drop_words(token_ids).numpy()


def first_batches(dataset, count=1, size=16):
    """Return token ids and labels of the first batches of the test part."""
    batches = evaluation_batches(dataset.test.sequences, size)
    labels = dataset.test.labels.astype(np.float32)
    return [(batches[index].token_ids, labels[batches[index].indices]) for index in range(count)]


def test_word_dropout_replaces_words_but_not_padding(trainer_of):
    trainer, _ = trainer_of("training.word_dropout=0.3")
    token_ids = np.tile(np.array([5, 6, 7, 0], np.int32), (500, 1))
    received = with_dropped_words(trainer, token_ids)
    assert not received[:, 3].any()
    dropped = received[:, :3] == 1
    assert dropped.mean() == pytest.approx(0.3, abs=0.05)
    assert (received[:, :3][~dropped] == token_ids[:, :3][~dropped]).all()


def test_each_step_drops_other_words_and_the_same_step_the_same(trainer_of):
    trainer, _ = trainer_of("training.word_dropout=0.5")
    token_ids = np.full((20, 20), 5, np.int32)
    first, again = (with_dropped_words(trainer, token_ids) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    trainer.train_step(token_ids, np.ones(20, np.float32))
    assert (with_dropped_words(trainer, token_ids) != first).any()


def test_nothing_is_dropped_in_evaluation(trainer_of):
    trainer, dataset = trainer_of("training.word_dropout=0.9")
    plain, _ = trainer_of("training.word_dropout=0")
    test = dataset.test.sequences
    np.testing.assert_array_equal(trainer.predict_logits(test), plain.predict_logits(test))


def test_a_step_returns_the_loss_and_the_correct_predictions_before_it(trainer_of):
    trainer, dataset = trainer_of()
    ((token_ids, labels),) = first_batches(dataset)
    logits = trainer.network(token_ids).numpy()[:, 0]
    loss, correct = trainer.train_step(token_ids, labels)
    assert loss == pytest.approx(np.logaddexp(0, np.where(labels == 1, -logits, logits)).mean(), abs=1e-6)
    assert correct == ((logits > 0) == (labels == 1)).sum()


def test_predictions_come_from_the_averages_and_leave_the_weights(trainer_of):
    trainer, dataset = trainer_of("training.averaging=ema", "optimizer.learning_rate=0.1", "optimizer.warmup=0")
    test = dataset.test.sequences
    (batch,) = first_batches(dataset)
    trainer.train_step(*batch)
    trained = [variable.numpy().copy() for variable in trainer.network.trainable_variables]
    by_averages = trainer.predict_logits(test)
    for before, variable in zip(trained, trainer.network.trainable_variables, strict=True):
        np.testing.assert_array_equal(before, variable.numpy())
    averages = trainer.weights()
    trainer.set_weights(trained)
    assert not np.array_equal(trainer.predict_logits(test), by_averages)
    trainer.set_weights(averages)
    np.testing.assert_array_equal(trainer.predict_logits(test), by_averages)


def test_the_embedding_starts_from_the_word_vectors(trainer_of):
    trainer, dataset = trainer_of("text.embedding_init=cooccurrence_nb", "training.averaging=ema")
    weights = trainer.network.get_layer("embedding").embeddings.numpy()
    known = dataset.initial_vectors.any(axis=1)
    assert known[2:].all()
    np.testing.assert_array_equal(weights[known], dataset.initial_vectors[known])
    (average,) = (weights for weights in trainer.weights() if weights.shape == dataset.initial_vectors.shape)
    np.testing.assert_array_equal(average[known], dataset.initial_vectors[known])


def test_a_word_without_a_vector_keeps_its_random_start():
    model = compose_config(["model.embedding_size=3"]).model
    network = build_recurrent(model, 4, seed=0)
    random = network.get_layer("embedding").embeddings.numpy()
    vectors = np.zeros((4, 3), np.float32)
    vectors[2] = [1, 2, 3]
    start_embedding(network, vectors)
    expected = random.copy()
    expected[2] = [1, 2, 3]
    np.testing.assert_array_equal(network.get_layer("embedding").embeddings.numpy(), expected)


@pytest.mark.parametrize("padding", ["masked", "left"])
def test_training_batches_have_windows_of_the_crop_length(cache, padding):
    config = compose_config([*TINY, "training.crop_length=4", f"text.padding={padding}"])
    train = build_dataset(config, cache).train.sequences
    assert train.lengths.max() > 4
    assert max(batch.token_ids.shape[1] for batch in epoch_batches(config, train, 1)) == 4


def gradients(trainer, batch):
    """Return the loss and, dense, the gradients of a step."""
    method = trainer._adversarial_gradients if trainer._adversarial else trainer._gradients
    loss, _, computed = method(*map(tf.constant, batch))
    return float(loss), [tf.convert_to_tensor(gradient).numpy() for gradient in computed]


@pytest.mark.parametrize(("pooling", "padding"), [("last", "masked"), ("max_mean", "masked"), ("max_mean", "left")])
def test_with_a_perturbation_of_no_size_both_loss_terms_are_equal(trainer_of, pooling, padding):
    overrides = (f"model.pooling={pooling}", f"text.padding={padding}")
    plain, dataset = trainer_of(*overrides)
    adversarial, _ = trainer_of(*overrides, "training.adversarial=1e-9")
    (batch,) = first_batches(dataset)
    (loss, once), (same, twice) = gradients(plain, batch), gradients(adversarial, batch)
    assert loss == pytest.approx(same, abs=1e-6)
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_allclose(2 * one, two, atol=1e-6)


def test_the_perturbation_raises_the_loss_by_its_first_order_term(trainer_of):
    """The adversarial loss is that at e + s |e| g / |g|, which is s |e| |g| above the loss at e, for each review."""
    trainer, dataset = trainer_of("training.adversarial=0.01")
    ((token_ids, labels),) = first_batches(dataset, size=64)
    embed, rest = trainer._split
    losses = []

    def loss(logits, labels):
        losses.append(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))
        return tf.reduce_mean(losses[-1])

    trainer._loss = loss
    trainer._adversarial_gradients(tf.constant(token_ids), tf.constant(labels))
    mask = tf.constant(token_ids != 0)
    assert not mask.numpy().all()
    with tf.GradientTape() as tape:
        embedded = embed(tf.constant(token_ids))
        tape.watch(embedded)
        clean = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=rest(embedded, mask=mask)[:, 0])
    slope = tf.norm(tape.gradient(clean, embedded), axis=[1, 2]).numpy()
    norm = np.sqrt((embedded.numpy() ** 2 * (token_ids != 0)[:, :, np.newaxis]).sum(axis=(1, 2)))
    np.testing.assert_allclose((losses[1] - losses[0]).numpy(), 0.01 * norm * slope, rtol=0.05)


def test_adversarial_steps_resume_from_a_stored_state(trainer_of):
    overrides = ("training.adversarial=0.02", "model.dropout=0.3", "model.embedding_dropout=0.2")
    one, dataset = trainer_of(*overrides)
    other, _ = trainer_of(*overrides, "seed=5")
    first, second = first_batches(dataset, count=2, size=8)
    one.train_step(*first)
    other.restore_state(one.state())
    for trainer in (one, other):
        trainer.train_step(*second)
    for weights, same in zip(one.weights(), other.weights(), strict=True):
        np.testing.assert_array_equal(weights, same)
