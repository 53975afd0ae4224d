"""The networks against numbers computed by hand, and the properties of every cell and pooling."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment_lab.config.settings import RecurrentModel
from sentiment_lab.models.recurrent import build_recurrent, compile_logits, execution_path

CELLS = ("simple_rnn", "gru", "lstm")
POOLINGS = ("last", "max", "mean", "max_mean")
DIRECTIONS = (False, True)

TINY = RecurrentModel(
    family="recurrent",
    cell="lstm",
    bidirectional=False,
    units=[1],
    pooling="last",
    embedding_size=1,
    embedding_dropout=0.0,
    dropout=0.0,
    recurrent_dropout=0.0,
)

# Embeddings of the tokens 2, 3, 4; kernels 0.5, recurrent kernels 0.25, biases 0 but for the LSTM's forget gate, 1.
EMBEDDINGS = [[9.0], [9.0], [1.0], [-0.5], [2.0]]
# States after the tokens 2 3 4, read forwards and read backwards; both in the order of the text.
FORWARD = {
    "simple_rnn": [0.4621172, -0.1336660, 0.7471991],
    "gru": [0.1744680, -0.0465981, 0.1716410],
    "lstm": [0.1742697, 0.0477119, 0.4223924],
}
BACKWARD = {
    "simple_rnn": [0.4503325, -0.0595310, 0.7615942],
    "gru": [0.1550509, -0.0303444, 0.2048242],
    "lstm": [0.3249002, 0.1413995, 0.3696064],
}


def with_constant_weights(model: RecurrentModel) -> keras.Model:
    network = build_recurrent(model, 5, seed=0)
    for variable in network.weights:
        if variable.path.startswith("embedding"):
            variable.assign(EMBEDDINGS)
        elif variable.path == "logit/kernel":
            # Different factors, so that a swapped direction or pooling changes the logit.
            variable.assign(10.0 ** np.arange(len(variable.numpy()))[:, np.newaxis])
        elif variable.path.endswith("/recurrent_kernel"):
            variable.assign(np.full(variable.shape, 0.25))
        elif variable.path.endswith("/kernel"):
            variable.assign(np.full(variable.shape, 0.5))
    return network


def pooled(states: list[float], pooling: str, *, backwards: bool) -> list[float]:
    match pooling:
        case "last":
            return [states[0 if backwards else -1]]
        case "max":
            return [max(states)]
        case "mean":
            return [sum(states) / 3]
    raise AssertionError(pooling)


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
@pytest.mark.parametrize("bidirectional", DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_constant_weights_give_the_logit_computed_by_hand(cell, bidirectional, pooling):
    model = dataclasses.replace(TINY, cell=cell, bidirectional=bidirectional, pooling=pooling)
    features = pooled(FORWARD[cell], pooling, backwards=False)
    if bidirectional:
        features += pooled(BACKWARD[cell], pooling, backwards=True)
    logit = sum(feature * 10.0**index for index, feature in enumerate(features))
    assert with_constant_weights(model)(np.array([[2, 3, 4]])).numpy() == pytest.approx(logit, abs=1e-5)


def test_max_mean_pooling_puts_the_maxima_before_the_means():
    model = dataclasses.replace(TINY, bidirectional=True, pooling="max_mean")
    states = [FORWARD["lstm"], BACKWARD["lstm"]]
    features = [max(direction) for direction in states] + [sum(direction) / 3 for direction in states]
    logit = features[0] + 10 * features[1] + 100 * features[2] + 1000 * features[3]
    assert with_constant_weights(model)(np.array([[2, 3, 4]])).numpy() == pytest.approx(logit, abs=1e-3)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_padding_leaves_predictions_unchanged(cell, bidirectional, pooling):
    model = dataclasses.replace(
        TINY, cell=cell, bidirectional=bidirectional, pooling=pooling, units=[5, 4], embedding_size=6
    )
    predict = compile_logits(build_recurrent(model, 30, seed=1))
    reviews = [np.random.default_rng(length).integers(1, 30, length, np.int32) for length in (1, 7, 12)]
    alone = [predict(review[np.newaxis]).numpy()[0] for review in reviews]
    together = np.zeros((3, 20), np.int32)
    for row, review in enumerate(reviews):
        together[row, : len(review)] = review
    np.testing.assert_allclose(predict(together), alone, rtol=0, atol=1e-6)
    # The predictions differ from each other by far more.
    assert np.ptp(alone) > 1e-4


GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}
# Keras' GRU with reset_after, as cuDNN requires, has a bias for the input and another for the recurrent product.
BIASES = {"simple_rnn": 1, "gru": 2, "lstm": 1}


@pytest.mark.parametrize("units", [[7], [4, 6, 3]])
@pytest.mark.parametrize("bidirectional", DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_parameters_are_counted_by_the_formula(cell, bidirectional, units):
    directions = 2 if bidirectional else 1
    for pooling in POOLINGS:
        model = dataclasses.replace(
            TINY, cell=cell, bidirectional=bidirectional, units=units, pooling=pooling, embedding_size=8
        )
        expected, inputs = 50 * 8, 8
        for size in units:
            expected += directions * GATES[cell] * size * (inputs + size + BIASES[cell])
            inputs = directions * size
        expected += inputs * (2 if pooling == "max_mean" else 1) + 1
        assert build_recurrent(model, 50, seed=0).count_params() == expected


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_reach_the_first_of_200_tokens(cell):
    model = dataclasses.replace(TINY, cell=cell, units=[16], embedding_size=8)
    network = build_recurrent(model, 10, seed=0)
    if cell == "gru":
        # A GRU starts with update gates near 0.5: its gradients shrink to 0.63 of themselves with every step and leave
        # the range of float32 after 200. With gates near 0.95 they reach the first token.
        network.get_layer("gru_1").cell.bias.assign(np.full((2, 48), 1.5) * (np.arange(48) < 16))
    token_ids = np.full((1, 200), 3)
    token_ids[0, 0] = 2
    with tf.GradientTape() as tape:
        logit = network(token_ids)
    gradient = tf.convert_to_tensor(tape.gradient(logit, network.get_layer("embedding").embeddings.value)).numpy()
    assert np.all(gradient[2] != 0)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_no_gradient_reaches_padding(pooling):
    network = build_recurrent(dataclasses.replace(TINY, bidirectional=True, pooling=pooling, units=[3]), 10, seed=0)
    with tf.GradientTape() as tape:
        logit = network(np.array([[2, 3, 0, 0], [4, 5, 6, 7]]))
    gradient = tape.gradient(logit, network.get_layer("embedding").embeddings.value)
    used = np.any(tf.convert_to_tensor(gradient).numpy() != 0, axis=1)
    assert used.tolist() == [False, False, True, True, True, True, True, True, False, False]


WIDE = dataclasses.replace(
    TINY,
    bidirectional=True,
    units=[4, 4],
    pooling="max_mean",
    embedding_size=8,
    embedding_dropout=0.3,
    dropout=0.3,
    recurrent_dropout=0.3,
)
TOKEN_IDS = np.random.default_rng(0).integers(1, 20, (3, 9))


def test_a_seed_gives_the_same_weights_after_other_networks():
    keras.utils.set_random_seed(1)
    first = build_recurrent(WIDE, 20, seed=5)
    keras.utils.set_random_seed(2)
    for cell in CELLS:
        build_recurrent(dataclasses.replace(WIDE, cell=cell), 20, seed=6)
    second = build_recurrent(WIDE, 20, seed=5)
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_seed_gives_the_same_dropout_after_other_networks():
    first = build_recurrent(WIDE, 20, seed=5)
    trained = [first(TOKEN_IDS, training=True).numpy() for _ in range(2)]
    build_recurrent(WIDE, 20, seed=6)(TOKEN_IDS, training=True)
    second = build_recurrent(WIDE, 20, seed=5)
    assert np.array_equal(trained[0], second(TOKEN_IDS, training=True))
    assert np.array_equal(trained[1], second(TOKEN_IDS, training=True))
    assert not np.array_equal(*trained)


def _gated(network):
    cells = [layer.cell for layer in network._flatten_layers() if hasattr(layer, "cell")]
    assert cells
    return cells


@pytest.mark.parametrize("source", ["embedding_dropout", "dropout", "recurrent_dropout"])
def test_each_dropout_is_active_in_training_alone(source):
    model = dataclasses.replace(WIDE, embedding_dropout=0.0, dropout=0.0, recurrent_dropout=0.0)
    network = build_recurrent(dataclasses.replace(model, **{source: 0.4}), 20, seed=0)
    reference = build_recurrent(model, 20, seed=0)
    # Keras computes gates one by one with recurrent dropout and all at once without it: sums may differ in a bit.
    for one, other in zip(_gated(reference), _gated(network), strict=True):
        one.implementation = other.implementation
    without = reference(TOKEN_IDS, training=True)
    assert np.array_equal(network(TOKEN_IDS, training=False), without)
    assert not np.allclose(network(TOKEN_IDS, training=True), without, atol=1e-4)


def test_another_seed_gives_other_weights():
    one, other = (build_recurrent(WIDE, 20, seed).get_weights() for seed in (0, 1))
    for left, right in zip(one, other, strict=True):
        # The biases are equal: they start at 0, or at 1 for the forget gate.
        assert np.any(left != right) or set(np.unique(left)) <= {0.0, 1.0}


def test_all_matrices_of_a_network_start_different():
    matrices = [weight for weight in build_recurrent(WIDE, 20, seed=0).get_weights() if weight.ndim == 2]
    for one, other in itertools.combinations(matrices, 2):
        assert one.shape != other.shape or not np.allclose(one, other)


def test_both_directions_drop_different_states():
    layer = build_recurrent(WIDE, 20, seed=0).get_layer("bidirectional_1")
    seeds = [direction.cell.seed for direction in (layer.forward_layer, layer.backward_layer)]
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize(
    ("cell", "recurrent_dropout", "path"),
    [
        ("lstm", 0.0, "gpu:cudnn"),
        ("gru", 0.0, "gpu:cudnn"),
        ("simple_rnn", 0.0, "gpu:while_loop"),
        ("lstm", 0.1, "gpu:while_loop"),
    ],
)
def test_the_execution_path_on_a_gpu_depends_on_the_cell_and_its_dropout(monkeypatch, cell, recurrent_dropout, path):
    model = dataclasses.replace(TINY, cell=cell, recurrent_dropout=recurrent_dropout)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    assert execution_path(model) == path
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    assert execution_path(model) == "cpu:while_loop"
