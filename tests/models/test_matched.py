"""The presets of equal size: as many parameters as bilstm beyond the embedding, at the sizes of the other presets."""

from __future__ import annotations

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.settings import architecture

MATCHED = ("simple_rnn", "gru", "lstm", "bigru", "stacked_lstm", "stacked_bilstm")


def parameters(option):
    from sentiment_lab.models.recurrent import build_recurrent

    config = compose_config([f"model={option}", "model.embedding_size=128"])
    network = build_recurrent(config.model, 10, seed=0)
    return network.count_params() - 10 * 128


@pytest.mark.parametrize("name", MATCHED)
def test_a_matched_preset_is_as_large_as_bilstm(name):
    assert parameters(f"{name}_matched") == pytest.approx(parameters("bilstm"), rel=0.02)


@pytest.mark.parametrize("name", MATCHED)
def test_it_differs_from_its_preset_in_units_alone(name):
    one, other = (compose_config([f"model={option}"]).model for option in (name, f"{name}_matched"))
    assert architecture(one) == architecture(other)
    other.units = one.units
    assert one == other
