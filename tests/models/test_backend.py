"""TensorFlow and Keras with our own global settings, whatever the user's files and variables say."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SHOW = """
from sentiment_lab.models.backend import keras
import matplotlib.pyplot
print(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(), keras.config.backend())
"""


def run_with(settings, folder):
    (folder / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = {**os.environ, "KERAS_HOME": str(folder), "MPLBACKEND": "none such"}
    return subprocess.run([sys.executable, "-c", SHOW], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_users_keras_and_matplotlib_settings_are_not_used(tmp_path):
    done = run_with(
        {"floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "jax"}, tmp_path
    )
    assert done.stdout.split() == ["float32", "1e-07", "channels_last", "tensorflow"], done.stderr


@pytest.mark.slow
def test_a_value_that_keras_refuses_names_its_file(tmp_path):
    done = run_with({"floatx": "float99"}, tmp_path)
    assert "Keras cannot be imported: Invalid `floatx`" in done.stderr
    assert "Correct keras.json in KERAS_HOME or ~/.keras." in done.stderr
