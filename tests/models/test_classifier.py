"""A saved network predicts raw text as the network in memory does, and damaged files are not used."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import pytest

from sentiment_lab.config.settings import RecurrentModel, TextConfig
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.data.vocabulary import Vocabulary
from sentiment_lab.models.classifier import RecurrentClassifier, load_classifier
from sentiment_lab.models.folder import read_description, write_description
from sentiment_lab.models.prediction import BATCH_SIZE
from sentiment_lab.models.recurrent import build_recurrent, standalone_network

# Keras 3.15 itself converts variables this way when it saves them.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

VOCABULARY = Vocabulary(["", "[UNK]", "film", "was", "the", "good", "bad", "not", "!"])
TEXT = TextConfig(lowercase=True, vocabulary_size=9, min_count=1, max_length=6, keep="last", padding="masked")
MODEL = RecurrentModel(
    family="recurrent",
    cell="simple_rnn",
    bidirectional=True,
    units=[4, 3],
    pooling="max_mean",
    embedding_size=5,
    embedding_dropout=0.2,
    dropout=0.2,
    recurrent_dropout=0.0,
)
TEXTS = ["The film was good!", "", "bad", "not bad, not good: the film was the film", "FILM <br /> zyzzyva", "!"]


def build(model: RecurrentModel = MODEL) -> RecurrentClassifier:
    return RecurrentClassifier(build_recurrent(model, VOCABULARY.size, seed=3), VOCABULARY, model, TEXT)


@pytest.fixture(scope="module")
def classifier() -> RecurrentClassifier:
    return build()


@pytest.fixture(scope="module")
def saved(classifier: RecurrentClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    classifier.save(folder)
    return folder


def test_probabilities_are_those_of_each_text_alone(classifier):
    expected = []
    for text in TEXTS:
        token_ids = VOCABULARY.encode(tokenize(text) or ["[UNK]"])[-6:]
        logit = classifier.network(token_ids[np.newaxis]).numpy().item()
        expected.append(1 / (1 + np.exp(-logit)))
    np.testing.assert_allclose(classifier.predict_probabilities(TEXTS), expected, rtol=0, atol=1e-6)
    assert np.ptp(expected) > 1e-3


def test_many_texts_are_predicted_in_their_own_order(classifier):
    repeated = [TEXTS[index % len(TEXTS)] for index in range(2 * BATCH_SIZE + 1)]
    expected = np.resize(classifier.predict_probabilities(TEXTS), len(repeated))
    np.testing.assert_allclose(classifier.predict_probabilities(repeated), expected, rtol=0, atol=1e-6)


def test_no_texts_have_no_probabilities(classifier):
    assert classifier.predict_probabilities([]).shape == (0,)


@pytest.mark.parametrize("cell", ["simple_rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_saved_network_predicts_the_same(cell, bidirectional, tmp_path):
    built = build(dataclasses.replace(MODEL, cell=cell, bidirectional=bidirectional, pooling="last"))
    built.save(tmp_path)
    loaded = load_classifier(tmp_path)
    assert isinstance(loaded, RecurrentClassifier)
    assert (loaded.model, loaded.text, loaded.vocabulary) == (built.model, built.text, built.vocabulary)
    token_ids = np.array([[2, 3, 5, 0], [4, 2, 3, 6]], np.int32)
    assert np.array_equal(loaded.network(token_ids), built.network(token_ids))


def test_keras_opens_the_saved_network_in_safe_mode(classifier, saved):
    network = keras.saving.load_model(saved / "model.keras", safe_mode=True)
    token_ids = np.array([[2, 3, 5, 0], [4, 2, 3, 6]], np.int32)
    probabilities = 1 / (1 + np.exp(-np.asarray(classifier.network(token_ids))))
    np.testing.assert_allclose(network(token_ids), probabilities, atol=1e-6)
    modules = {type(operation).__module__.partition(".")[0] for operation in network.operations}
    assert modules == {"keras"}, "other programs open it without this package"


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
@pytest.mark.parametrize("masked", [True, False])
def test_the_standalone_network_is_the_same_function(pooling, masked):
    built = build(dataclasses.replace(MODEL, pooling=pooling))
    token_ids = np.array([[2, 3, 5, 0], [4, 2, 3, 6]], np.int32)
    network = build_recurrent(built.model, built.vocabulary.size, 0, masked=masked)
    alone = standalone_network(built.model, network, masked=masked)
    logits = np.asarray(network(token_ids))
    np.testing.assert_allclose(alone(token_ids), 1 / (1 + np.exp(-logits)), atol=1e-6)


@pytest.mark.parametrize("year", [1969, 1970, 2107, 2200])
def test_a_network_is_saved_at_any_time_of_the_clock(year, classifier, tmp_path, monkeypatch):
    seconds = datetime(year, 6, 1, tzinfo=UTC).timestamp()
    monkeypatch.setattr("time.time", lambda: seconds)
    classifier.save(tmp_path)
    monkeypatch.undo()
    token_ids = np.array([[2, 3, 5, 0], [4, 2, 3, 6]], np.int32)
    expected = classifier.network(token_ids)
    assert np.array_equal(load_classifier(tmp_path).network(token_ids), expected)
    probabilities = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)(token_ids)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-np.asarray(expected))), atol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {"model.keras", "vocabulary.json", "model.json"}


@pytest.mark.parametrize("name", ["model.keras", "vocabulary.json", "model.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped"])
def test_damage_is_detected_and_named(saved, tmp_path, name, damage):
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path, content = tmp_path / name, (saved / name).read_bytes()
    half = len(content) // 2
    match damage:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(content[:half])
        case "flipped":
            path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        load_classifier(tmp_path)


def test_unknown_settings_are_named(saved, tmp_path):
    for file in saved.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = read_description(saved)
    settings["model"]["cell"] = "transformer"
    write_description(tmp_path, settings)
    with pytest.raises(ValueError, match=r"model\.json: model\.cell must be one of .*, got 'transformer'"):
        load_classifier(tmp_path)
