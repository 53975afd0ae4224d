"""What a training step reads, and what a network starts from."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.batching import evaluation_batches
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.models.backend import tf
from sentiment_lab.models.recurrent import build_recurrent, start_embedding
from sentiment_lab.training.epoch_loop import _batches
from sentiment_lab.training.trainer import Trainer

PLAIN = ["model.pooling=last", "model.dropout=0", "model.embedding_dropout=0", "text.embedding_init=uniform"]


@pytest.fixture
def learner_of(tiny, cache):
    def learner_of(*overrides):
        config = compose_config([*tiny, *PLAIN, *overrides])
        dataset = build_dataset(config, cache)
        vectors = dataset.initial_vectors
        return Trainer(config, config.model, dataset.vocabulary.size, 10, vectors), dataset

    return learner_of


def read_in_training(learner, token_ids):
    """Return the token ids that a step lets the network read."""
    return learner._drop_words(token_ids).numpy()


def test_dropped_words_are_unknown_and_padding_stays(learner_of):
    learner, _ = learner_of("training.word_dropout=0.3")
    token_ids = np.tile(np.array([5, 6, 7, 0], np.int32), (500, 1))
    read = read_in_training(learner, token_ids)
    assert not read[:, 3].any()
    dropped = read[:, :3] == 1
    assert dropped.mean() == pytest.approx(0.3, abs=0.05)
    assert (read[:, :3][~dropped] == token_ids[:, :3][~dropped]).all()


def test_each_step_drops_other_words_and_the_same_step_the_same(learner_of):
    learner, _ = learner_of("training.word_dropout=0.5")
    token_ids = np.full((20, 20), 5, np.int32)
    first, again = (read_in_training(learner, token_ids) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    learner.learn(token_ids, np.ones(20, np.float32))
    assert (read_in_training(learner, token_ids) != first).any()


def test_nothing_is_dropped_in_evaluation(learner_of):
    learner, dataset = learner_of("training.word_dropout=0.9")
    plain, _ = learner_of("training.word_dropout=0")
    batches = evaluation_batches(dataset.test, 16)
    np.testing.assert_array_equal(learner.logits(batches, len(dataset.test)), plain.logits(batches, len(dataset.test)))


def test_the_embedding_starts_from_what_the_text_says(learner_of):
    learner, dataset = learner_of("text.embedding_init=cooccurrence_nb")
    weights = learner.network.get_layer("embedding").embeddings.numpy()
    known = dataset.initial_vectors.any(axis=1)
    assert known[2:].all()
    np.testing.assert_array_equal(weights[known], dataset.initial_vectors[known])


def test_averages_start_from_it_too(learner_of):
    learner, dataset = learner_of("text.embedding_init=cooccurrence", "training.averaging=ema")
    (average,) = (weights for weights in learner.weights() if weights.shape == dataset.initial_vectors.shape)
    np.testing.assert_array_equal(average[2:], dataset.initial_vectors[2:])


def test_a_word_without_a_vector_keeps_what_it_was_drawn():
    model = compose_config(["model.embedding_size=3"]).model
    network = build_recurrent(model, 4, seed=0)
    drawn = network.get_layer("embedding").embeddings.numpy()
    vectors = np.zeros((4, 3), np.float32)
    vectors[2] = [1, 2, 3]
    start_embedding(network, vectors)
    expected = drawn.copy()
    expected[2] = [1, 2, 3]
    np.testing.assert_array_equal(network.get_layer("embedding").embeddings.numpy(), expected)


@pytest.mark.parametrize("padding", ["masked", "left"])
def test_a_training_reads_windows_of_the_length_asked_for(tiny, cache, padding):
    config = compose_config([*tiny, "training.crop_length=4", f"text.padding={padding}"])
    train = build_dataset(config, cache).train
    assert train.lengths.max() > 4
    assert max(batch.token_ids.shape[1] for batch in _batches(config, train, 1)) == 4


def test_reviews_without_a_label_join_the_vectors_where_they_are_read(learner_of):
    wanted = ("text.embedding_init=cooccurrence", "model.embedding_size=4")
    _, alone = learner_of(*wanted)
    _, more = learner_of(*wanted, "data.unlabelled=60")
    assert alone.data_hash == more.data_hash
    assert not np.array_equal(alone.initial_vectors, more.initial_vectors)


def gradients(learner, batch):
    """Return the loss and, dense, the gradients of a step."""
    method = learner._adversarial_gradients if learner._adversarial else learner._gradients
    loss, _, found = method(tf.constant(batch.token_ids), tf.constant(batch.labels))
    return float(loss), [tf.convert_to_tensor(gradient).numpy() for gradient in found]


@pytest.mark.parametrize("pooling", ["last", "max_mean"])
@pytest.mark.parametrize("padding", ["masked", "left"])
def test_a_perturbation_of_no_size_is_the_same_lesson_twice(learner_of, pooling, padding):
    words = (f"model.pooling={pooling}", f"text.padding={padding}")
    plain, dataset = learner_of(*words)
    adversarial, _ = learner_of(*words, "training.adversarial=1e-9")
    batch = evaluation_batches(dataset.test, 16)[0]
    (loss, once), (same, twice) = gradients(plain, batch), gradients(adversarial, batch)
    assert loss == pytest.approx(same, abs=1e-6)
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_allclose(2 * one, two, atol=1e-6)


def test_the_perturbation_raises_the_loss_as_its_first_order_says(learner_of):
    """The second lesson is of the loss at e + s |e| g / |g|, which is s |e| |g| above that at e, for each review."""
    learner, dataset = learner_of("training.adversarial=0.01")
    batch = evaluation_batches(dataset.test, 64)[0]
    embed, rest = learner._cut
    losses = []

    def loss(logits, labels):
        losses.append(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))
        return tf.reduce_mean(losses[-1])

    learner._loss = loss
    learner._adversarial_gradients(tf.constant(batch.token_ids), tf.constant(batch.labels))
    mask = tf.constant(batch.token_ids != 0)
    assert not mask.numpy().all()
    with tf.GradientTape() as tape:
        embedded = embed(tf.constant(batch.token_ids))
        tape.watch(embedded)
        clean = tf.nn.sigmoid_cross_entropy_with_logits(labels=batch.labels, logits=rest(embedded, mask=mask)[:, 0])
    slope = tf.norm(tape.gradient(clean, embedded), axis=[1, 2]).numpy()
    norm = np.sqrt((embedded.numpy() ** 2 * (batch.token_ids != 0)[:, :, np.newaxis]).sum(axis=(1, 2)))
    raised = (losses[1] - losses[0]).numpy()
    np.testing.assert_allclose(raised, 0.01 * norm * slope, rtol=0.05)


def test_adversarial_steps_go_on_from_a_stored_state(learner_of):
    words = ("training.adversarial=0.02", "model.dropout=0.3", "model.embedding_dropout=0.2")
    one, dataset = learner_of(*words)
    other, _ = learner_of(*words, "seed=5")
    first, second = (evaluation_batches(dataset.train, 16)[index] for index in (0, 1))
    one.learn(first.token_ids, first.labels)
    other.restore_state(one.state())
    for learner in (one, other):
        learner.learn(second.token_ids, second.labels)
    for weights, same in zip(one.weights(), other.weights(), strict=True):
        np.testing.assert_array_equal(weights, same)
