"""Export of a network for programs without this package: network, vocabulary, tokenizer, a README and examples."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_path
from sentiment_lab.config.settings import TextConfig
from sentiment_lab.data import tokenizer
from sentiment_lab.data.dataset import encode_texts
from sentiment_lab.models.classifier import Classifier, RecurrentClassifier

if TYPE_CHECKING:
    import keras

Format = Literal["keras", "savedmodel", "onnx"]
TOLERANCE = 1e-4
"""Largest difference between a probability of the exported and the original network."""
EXAMPLES = (
    "A warm, funny and moving film. I loved every minute of it!",
    "Dull from start to finish; I can't recommend it.",
    "Not as bad as I feared: 7/10.",
)
_NAMES = {"keras": "model.keras", "savedmodel": "saved_model", "onnx": "model.onnx"}
Predict = Callable[[NDArray[np.int32]], NDArray[np.float32]]
"""From token ids (texts, steps) to probabilities (texts,)."""


class ExportError(LabError):
    """A model that cannot be written in a format, or whose exported form gives other numbers."""


def export_model(classifier: Classifier, kind: Format, folder: Path, name: str) -> float:
    """Write a model into a new folder and return the largest difference of the probabilities of EXAMPLES.

    `name` stands in the README. Raises ExportError for a linear baseline, a missing package, and numbers that differ by
    more than TOLERANCE; StorageError where the folder cannot be written. Nothing is left behind then.
    """
    if not isinstance(classifier, RecurrentClassifier):
        raise ExportError(
            f"{name} is a linear baseline, not a network, so there is no {kind} form of it; "
            "`sentiment-lab predict` and mlflow.pyfunc.load_model use it"
        )
    with atomic_path(folder) as building:
        building.mkdir(parents=True)
        return _write(classifier, kind, building, name)


def _write(classifier: RecurrentClassifier, kind: Format, folder: Path, name: str) -> float:
    token_ids = _encode(classifier, EXAMPLES)
    expected = classifier.predict_probabilities(EXAMPLES)
    predict = _WRITERS[kind](classifier.standalone(), folder / _NAMES[kind])
    difference = float(np.abs(predict(token_ids) - expected).max())
    if not difference <= TOLERANCE:
        raise ExportError(f"{name}: the {kind} form gives other probabilities, by up to {difference:.3g}")
    classifier.vocabulary.write(folder / "vocabulary.json")
    examples = [
        {"text": text, "token_ids": row.tolist(), "probability": float(probability)}
        for text, row, probability in zip(EXAMPLES, token_ids, expected, strict=True)
    ]
    (folder / "examples.json").write_text(json.dumps(examples, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(tokenizer.__file__, folder / "tokenizer.py")
    (folder / "README.md").write_text(_readme(classifier.text, kind, name, difference), encoding="utf-8")
    return difference


def _encode(classifier: RecurrentClassifier, texts: Sequence[str]) -> NDArray[np.int32]:
    sequences = encode_texts(texts, classifier.vocabulary, classifier.text)
    return sequences.pad(np.arange(len(texts)), classifier.text.pad_left_to)


def _write_keras(network: keras.Model, path: Path) -> Predict:
    from sentiment_lab.models.backend import keras

    network.save(path)
    loaded = keras.saving.load_model(path)
    return lambda token_ids: np.asarray(loaded(token_ids))[:, 0]


def _write_saved_model(network: keras.Model, path: Path) -> Predict:
    from sentiment_lab.models.backend import tf

    network.export(path, format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(path)  # kept, because its functions do not keep its variables alive
    return lambda token_ids: np.asarray(loaded.serve(token_ids))[:, 0]


def _write_onnx(network: keras.Model, path: Path) -> Predict:
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401  # Keras needs it
    except ImportError as error:
        needed = "pip install 'sentiment-lab[onnx]'"
        raise ExportError(f"--format onnx needs {error.name}: {needed}") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 3.15 looks for np.object
        network(np.ones((1, 1), np.int32))  # otherwise Keras refuses to export it
        network.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    return lambda token_ids: np.asarray(session.run(None, {session.get_inputs()[0].name: token_ids})[0])[:, 0]


_WRITERS: dict[Format, Callable[[keras.Model, Path], Predict]] = {
    "keras": _write_keras,
    "savedmodel": _write_saved_model,
    "onnx": _write_onnx,
}


def _readme(text: TextConfig, kind: Format, name: str, difference: float) -> str:
    return _README.format(
        name=name,
        load=_LOAD[kind],
        lowercase=text.lowercase,
        cut=f"-{text.max_length}:" if text.keep == "last" else f":{text.max_length}",
        longest=str(text.max_length) if text.padding == "left" else "max(map(len, rows))",
        side="(longest - len(row), 0)" if text.padding == "left" else "(0, longest - len(row))",
        difference=f"{difference:.1e}",
    )


_LOAD = {
    "keras": 'import keras\nnetwork = keras.saving.load_model("model.keras")\nprobability = network(token_ids)',
    "savedmodel": (
        'import tensorflow as tf\nsaved = tf.saved_model.load("saved_model")\nprobability = saved.serve(token_ids)'
    ),
    "onnx": (
        'import onnxruntime\nsession = onnxruntime.InferenceSession("model.onnx")\n'
        'probability = session.run(None, {"token_ids": token_ids})[0]'
    ),
}
_README = """\
# {name}

A sentiment classifier, exported by `sentiment-lab export`. The network maps token ids, int32 of shape (texts, steps),
to the probability of a positive text, float32 of shape (texts, 1). It needs no code of sentiment-lab; run this in the
folder of this file:

```python
import json
import numpy as np
from tokenizer import tokenize

texts = ["A warm, funny and moving film."]
ids = {{token: index for index, token in enumerate(json.load(open("vocabulary.json", encoding="utf-8")))}}
rows = [[ids.get(word, 1) for word in tokenize(text, lowercase={lowercase})][{cut}] for text in texts]  # 1: unknown
longest = {longest}
token_ids = np.array([np.pad(row, {side}) for row in rows], dtype="int32")  # 0: padding

{load}
```

A text needs at least one token. `examples.json` has texts with their token ids and probabilities. The exported network
was loaded again and gives these probabilities, with a difference of at most {difference}.
"""
