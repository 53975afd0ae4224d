"""A trained model that judges raw text, whatever its kind, and its way into a folder and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.files import DamageError
from sentiment_lab.config.schema import ConfigError, build
from sentiment_lab.config.settings import RecurrentModel, TextConfig
from sentiment_lab.data.batching import evaluation_batches
from sentiment_lab.data.dataset import Part, encode_texts
from sentiment_lab.data.vocabulary import Vocabulary
from sentiment_lab.models.folder import DESCRIPTION, read_description, write_description
from sentiment_lab.models.linear import LinearClassifier, LinearSettings
from sentiment_lab.models.logits import sigmoid

if TYPE_CHECKING:
    import keras


BATCH_SIZE = 256
"""Reviews that a network judges at once."""
TOKENS_AT_ONCE = 51_200
"""Tokens that a network reads at once, padding included, where their number grows with the square of the length."""

_NETWORK, _VOCABULARY = "model.keras", "vocabulary.json"


class Classifier(Protocol):
    """What every trained model can do."""

    def predict_probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability (texts,) of a positive review."""

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder, from which `load_classifier` reads it."""


def load_classifier(folder: Path) -> Classifier:
    """Read the model that a run has saved in `folder`.

    Raises DamageError naming a file that is missing, foreign or damaged.
    """
    description = read_description(folder)
    family = description.get("model", {}).get("family")
    try:
        if family == "recurrent":
            return RecurrentClassifier.load(folder, build(RecurrentSettings, description))
        return LinearClassifier.load(folder, build(LinearSettings, description))
    except ConfigError as error:
        raise DamageError(f"{folder / DESCRIPTION}: {error}") from error


@dataclass(kw_only=True)
class RecurrentSettings:
    """What a saved network needs beside its weights and its vocabulary."""

    model: RecurrentModel
    text: TextConfig


@dataclass(frozen=True, eq=False)
class RecurrentClassifier:
    """A network with the vocabulary and the text settings that it was trained with."""

    network: keras.Model
    vocabulary: Vocabulary
    model: RecurrentModel
    text: TextConfig

    def predict_probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability (texts,) of a positive review."""
        if not texts:
            return np.empty(0, np.float32)
        return sigmoid(self._predict_logits(*encode_texts(texts, self.vocabulary, self.text), BATCH_SIZE))

    def predict_token_logits(self, rows: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """Return the logits (rows,) of token ids, 1 to `text.max_length` a row, not padded."""
        offsets = np.cumsum([0, *map(len, rows)])
        longest = self.text.pad_left_to or max(map(len, rows))
        return self._predict_logits(np.concatenate(rows), offsets, max(1, TOKENS_AT_ONCE // longest))

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder.

        `model.keras` there is Keras' own file: `keras.saving.load_model` opens it in safe mode, where the pooling is
        max or max_mean after `import sentiment_lab.models.recurrent`.
        """
        self.network.save(folder / _NETWORK)
        self.vocabulary.write(folder / _VOCABULARY)
        write_description(folder, dataclasses.asdict(RecurrentSettings(model=self.model, text=self.text)))

    @classmethod
    def load(cls, folder: Path, settings: RecurrentSettings) -> Self:
        """Read what `save` has written.

        The network is built from the settings and takes its weights alone from `model.keras`: no layer is made by a
        name that stands in a file.
        """
        from sentiment_lab.models.recurrent import build_recurrent

        vocabulary = Vocabulary.read(folder / _VOCABULARY)
        network = build_recurrent(settings.model, vocabulary.size, 0, masked=settings.text.padding == "masked")
        network.load_weights(folder / _NETWORK)
        return cls(network, vocabulary, settings.model, settings.text)

    def _predict_logits(
        self, token_ids: NDArray[np.int32], offsets: NDArray[np.int64], batch_size: int
    ) -> NDArray[np.float32]:
        texts = len(offsets) - 1
        part = Part("texts", np.empty(texts, np.str_), np.zeros(texts, np.int8), token_ids, offsets)
        logits = np.empty(texts, np.float32)
        for batch in evaluation_batches(part, batch_size, pad_left_to=self.text.pad_left_to):
            logits[batch.indices] = self._logits(batch.token_ids).numpy()
        return logits

    @cached_property
    def _logits(self) -> Any:
        from sentiment_lab.models.recurrent import compile_logits

        return compile_logits(self.network)
