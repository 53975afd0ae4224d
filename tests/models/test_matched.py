"""The presets of equal size: as many parameters as bilstm beyond the embedding, at the sizes of the other presets."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.settings import architecture
from tests.models.parameters import parameters

MATCHED = ("simple_rnn", "gru", "lstm", "bigru", "stacked_lstm", "stacked_bilstm")


@functools.cache
def preset(option):
    return compose_config([f"model={option}", "model.embedding_size=128"]).model


@pytest.mark.parametrize("name", MATCHED)
def test_a_matched_preset_is_as_large_as_bilstm(name):
    assert parameters(preset(f"{name}_matched")) == pytest.approx(parameters(preset("bilstm")), rel=0.02)


@pytest.mark.parametrize("name", MATCHED)
def test_it_differs_from_its_preset_in_units_alone(name):
    one, other = preset(name), preset(f"{name}_matched")
    assert architecture(one) == architecture(other)
    assert dataclasses.replace(other, units=one.units) == one
