"""The number of parameters of a network by its formula, against which the networks are tested."""

from __future__ import annotations

from sentiment_lab.config.settings import RecurrentModel

_GATES = {"simple_rnn": 1, "gru": 3, "lstm": 4}
# Keras' GRU with reset_after, as cuDNN requires, has a bias for the input and another for the recurrent product.
_BIASES = {"simple_rnn": 1, "gru": 2, "lstm": 1}


def parameters(model: RecurrentModel) -> int:
    """Return the number of parameters beyond the embedding."""
    directions, inputs, total = 2 if model.bidirectional else 1, model.embedding_size, 0
    for units in model.units:
        total += directions * _GATES[model.cell] * units * (inputs + units + _BIASES[model.cell])
        inputs = directions * units
    return total + inputs * (2 if model.pooling == "max_mean" else 1) + 1
