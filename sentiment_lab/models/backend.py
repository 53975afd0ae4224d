"""TensorFlow and Keras, imported once, without the messages that their libraries print while they load.

These messages (oneDNN, missing CUDA drivers on a machine without a GPU) precede the log level of TensorFlow, so that no
variable suppresses them. They are captured, and printed if the import fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.matplotlib_import import import_matplotlib

os.environ["KERAS_BACKEND"] = "tensorflow"
# Level 3 prints fatal errors alone; without a GPU, level 2 prints an error for each failed CUDA call.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def _captured_stderr() -> Iterator[None]:
    """Capture the standard error of native code; print it if the block fails."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with _temporary_file() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            with suppress(OSError):
                os.write(terminal, kept.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def _temporary_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError:  # the disk is full: the messages are lost
        return Path(os.devnull).open("r+b")


def reset_global_settings() -> None:
    """Set what a user's `keras.json` or code may have changed for the whole process: types, epsilon, eager mode."""
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    tf.config.run_functions_eagerly(False)


with _captured_stderr():
    import_matplotlib()
    try:
        import keras
    except ValueError as error:  # Keras refuses a value in keras.json
        raise LabError(f"Keras cannot be imported: {error} Correct keras.json in KERAS_HOME or ~/.keras.") from error
    import tensorflow as tf
    from keras import layers, ops

reset_global_settings()

# Each model's functions are traced once. TensorFlow mistakes the successive models of a sweep for one that is retraced.
tf.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())

__all__ = ["keras", "layers", "ops", "reset_global_settings", "tf"]
