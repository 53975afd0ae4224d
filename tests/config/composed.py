"""Configs that several tests need, composed once."""

from __future__ import annotations

import functools

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError


@functools.cache
def composed(*overrides):
    """Return the config of a command line."""
    return compose_config(overrides)


def problems_of(*overrides):
    """Return the problems of a command line that is refused; those of now, because they name the known studies."""
    with pytest.raises(ConfigError) as caught:
        compose_config(overrides)
    return caught.value.problems
