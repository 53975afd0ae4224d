"""TensorFlow and Keras, imported once, without the messages that their libraries print while they load.

These messages (oneDNN, missing CUDA drivers on a machine without a GPU) precede the log level of TensorFlow, so that no
variable suppresses them. They are captured, and printed if the import fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

os.environ["KERAS_BACKEND"] = "tensorflow"
# Level 3 prints fatal errors alone; without a GPU, level 2 prints an error for each failed CUDA call.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def _captured_stderr() -> Iterator[None]:
    """Capture the standard error of native code; print it if the block fails."""
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


with _captured_stderr():
    import keras
    import tensorflow as tf
    from keras import layers, ops

# Each model's functions are traced once. TensorFlow mistakes the successive models of a sweep for one that is retraced.
tf.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())

__all__ = ["keras", "layers", "ops", "tf"]
