"""TensorFlow and Keras, imported once, without the lines that their libraries write while they load.

Those lines (oneDNN, CUDA drivers that a machine without a GPU does not have) come before TensorFlow reads its log
level, so no variable silences them. They are held back and shown if the import fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

os.environ["KERAS_BACKEND"] = "tensorflow"
# Level 3 leaves fatal errors; without a GPU, level 2 shows an error for each CUDA call that fails.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def _held_back() -> Iterator[None]:
    """Keep what native code writes to standard error; show it when the block fails."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


with _held_back():
    import keras
    import tensorflow as tf
    from keras import layers, ops

# Each model's functions are traced once. A sweep makes model after model, which TensorFlow takes for one retraced.
tf.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())

__all__ = ["keras", "layers", "ops", "tf"]
