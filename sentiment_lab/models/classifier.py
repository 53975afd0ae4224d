"""Trained models of every family that classify raw text: saving them into a folder and loading them."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, Self
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.base.files import DamageError
from sentiment_lab.config.fields import ConfigError, build
from sentiment_lab.config.settings import RecurrentModel, TextConfig
from sentiment_lab.data.dataset import encode_texts
from sentiment_lab.data.token_sequences import TokenSequences
from sentiment_lab.data.vocabulary import Vocabulary, has_known_word
from sentiment_lab.models.folder import DESCRIPTION, read_description, write_description
from sentiment_lab.models.linear import LinearClassifier, LinearSettings
from sentiment_lab.models.logits import sigmoid
from sentiment_lab.models.prediction import predict_logits

if TYPE_CHECKING:
    import keras

TOKENS_AT_ONCE = 51_200
"""Tokens of a batch, padding included, where the number of rows grows with the length of a text."""

_NETWORK, _VOCABULARY = "model.keras", "vocabulary.json"


class Classifier(Protocol):
    """A trained model of any family."""

    def predict_probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability (texts,) of a positive review."""

    def has_known_word(self, text: str) -> bool:
        """Whether a word of the text occurs in the model's vocabulary."""

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder, from which `load_classifier` reads it."""


def load_classifier(folder: Path) -> Classifier:
    """Read the model that a run saved in `folder`.

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
    """The settings that a saved network needs beside its weights and its vocabulary."""

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
        sequences = encode_texts(texts, self.vocabulary, self.text)
        return sigmoid(predict_logits(self._logits, sequences, pad_left_to=self.text.pad_left_to))

    def has_known_word(self, text: str) -> bool:
        """Whether a word of the text occurs in the vocabulary."""
        return has_known_word(text, self.vocabulary, lowercase=self.text.lowercase)

    def predict_token_logits(self, rows: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """Return the logits (rows,) of token ids, 1 to `text.max_length` a row, not padded."""
        pad_left_to = self.text.pad_left_to
        batch_size = max(1, TOKENS_AT_ONCE // (pad_left_to or max(map(len, rows))))
        sequences = TokenSequences.from_rows(rows)
        return predict_logits(self._logits, sequences, batch_size=batch_size, pad_left_to=pad_left_to)

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder.

        `model.keras` maps token ids to probabilities and needs no code of this package: `keras.saving.load_model` opens
        it in safe mode.
        """
        _save_network(self.standalone(), folder / _NETWORK)
        self.vocabulary.write(folder / _VOCABULARY)
        write_description(folder, dataclasses.asdict(RecurrentSettings(model=self.model, text=self.text)))

    def standalone(self) -> keras.Model:
        """Return a network from token ids to probabilities that needs no code of this package to be loaded."""
        from sentiment_lab.models.recurrent import standalone_network

        return standalone_network(self.model, self.network, masked=self.text.padding == "masked")

    @classmethod
    def load(cls, folder: Path, settings: RecurrentSettings) -> Self:
        """Read what `save` wrote.

        The network is built from the settings and takes only its weights from `model.keras`: no layer is created from
        a name in a file.
        """
        from sentiment_lab.models.recurrent import build_recurrent

        vocabulary = Vocabulary.read(folder / _VOCABULARY)
        network = build_recurrent(settings.model, vocabulary.size, 0, masked=settings.text.padding == "masked")
        network.load_weights(folder / _NETWORK)
        return cls(network, vocabulary, settings.model, settings.text)

    @cached_property
    def _logits(self) -> Any:
        from sentiment_lab.models.recurrent import compile_logits

        return compile_logits(self.network)


def _save_network(network: keras.Model, path: Path) -> None:
    """Write a network in Keras' own format, at any time that the clock shows.

    Keras gives each entry of its archive the time of the clock, which a zip file can hold from 1980 to 2107 only.
    """
    try:
        network.save(path)
    except (ValueError, struct.error):
        _save_without_times(network, path)


def _save_without_times(network: keras.Model, path: Path) -> None:
    with TemporaryDirectory(dir=path.parent) as folder, ZipFile(path, "w") as archive:
        unpacked = Path(folder, "network")
        network.save(unpacked, zipped=False)
        for file in sorted(path for path in unpacked.rglob("*") if path.is_file()):
            archive.writestr(ZipInfo(file.relative_to(unpacked).as_posix()), file.read_bytes())  # of 1980
