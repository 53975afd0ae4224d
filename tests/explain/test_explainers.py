"""Explanations of every family: sums, prefixes, occlusion and n-grams, computed in another way."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from sentiment_lab.config.settings import LinearModel, RecurrentModel, TextConfig
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.data.vocabulary import Vocabulary
from sentiment_lab.explain.explainers import explain_texts
from sentiment_lab.explain.explanation import ExplanationError
from sentiment_lab.explain.integrated_gradients import TOLERANCE, IntegratedGradients, compile_gradients
from sentiment_lab.models import classifier as classifiers
from sentiment_lab.models.classifier import RecurrentClassifier
from sentiment_lab.models.linear import LinearClassifier, LinearSettings, fit_linear
from sentiment_lab.models.recurrent import build_recurrent, compile_logits
from sentiment_lab.serving import classify

VOCABULARY = Vocabulary(["", "[UNK]", "film", "was", "the", "good", "bad", "not", "!"])
TEXT = TextConfig(lowercase=True, vocabulary_size=9, min_count=1, max_length=6, keep="last", padding="masked")
MODEL = RecurrentModel(
    family="recurrent",
    cell="simple_rnn",  # the fastest to trace; ARCHITECTURES have every cell
    bidirectional=False,
    units=[4],
    pooling="max_mean",
    embedding_size=5,
    embedding_dropout=0.2,
    dropout=0.2,
    recurrent_dropout=0.1,
)
TEXTS = ["The zyzzyva was good!", "bad", "So it was: not bad, not good, the film was"]
ARCHITECTURES = [
    dataclasses.replace(MODEL, cell=cell, bidirectional=bidirectional, pooling=pooling, units=units)
    for cell, bidirectional, (pooling, units) in itertools.product(
        ("simple_rnn", "gru", "lstm"),
        (False, True),
        (("last", [4]), ("max", [4]), ("mean", [3, 4]), ("max_mean", [4, 3])),
    )
]


def build(model: RecurrentModel = MODEL, padding: str = "masked", **settings) -> RecurrentClassifier:
    text = dataclasses.replace(TEXT, padding=padding, **settings)
    network = build_recurrent(model, VOCABULARY.size, seed=3, masked=padding == "masked")
    for variable in network.trainable_variables:  # larger, so that the logit depends on the words as after training
        variable.assign(variable * (20.0 if "embedding" in variable.path else 1.5))
    return RecurrentClassifier(network, VOCABULARY, model, text)


def name(model: RecurrentModel) -> str:
    return f"{'bi' if model.bidirectional else ''}{model.cell}-{len(model.units)}-{model.pooling}"


# Tracing a network's gradients takes seconds: these have each value of each setting, the others are slow tests.
QUICK = {"simple_rnn-1-last-left", "bisimple_rnn-1-max-masked", "gru-2-mean-left", "lstm-2-max_mean-masked"}


@pytest.mark.parametrize(
    ("model", "padding"),
    [
        pytest.param(model, padding, id=label, marks=[] if label in QUICK else pytest.mark.slow)
        for model, padding in itertools.product(ARCHITECTURES, ("masked", "left"))
        for label in [f"{name(model)}-{padding}"]
    ],
)
def test_contributions_sum_to_the_difference_of_the_logits(model, padding):
    classifier = build(model, padding)
    (explained,) = explain_texts(classifier, TEXTS[:1])
    assert explained.method == "integrated_gradients"
    assert abs(sum(explained.contributions) - (explained.logit - explained.baseline_logit)) <= TOLERANCE
    assert abs(explained.logit - explained.baseline_logit) > 10 * TOLERANCE
    assert explained.probability == pytest.approx(classifier.predict_probabilities(TEXTS[:1])[0], abs=1e-6)
    assert explained.baseline_logit == pytest.approx(baseline_by_hand(classifier, 5), abs=1e-4)


def baseline_by_hand(classifier: RecurrentClassifier, tokens: int) -> float:
    """Return the logit of `tokens` words with zero embeddings; the embeddings of the classifier are overwritten."""
    embeddings = np.array(classifier.network.get_layer("embedding").embeddings)
    embeddings[2:] = 0.0
    classifier.network.get_layer("embedding").set_weights([embeddings])
    return float(classifier.predict_token_logits([np.full(tokens, 2, np.int32)])[0])


@pytest.mark.parametrize(
    ("pooling", "padding"),
    [
        ("last", "left"),
        ("max_mean", "masked"),
        pytest.param("max", "masked", marks=pytest.mark.slow),
        pytest.param("mean", "left", marks=pytest.mark.slow),
    ],
)
def test_the_network_after_its_embeddings_gives_the_same_logits(pooling, padding):
    network = build(dataclasses.replace(MODEL, pooling=pooling), padding).network
    token_ids = np.array([0, 0, 4, 1, 3, 5] if padding == "left" else [4, 1, 3, 5, 0, 0], np.int32)
    embeddings = network.get_layer("embedding")(token_ids[np.newaxis])
    logits, gradients = compile_gradients(network)(token_ids, embeddings)
    expected = network(token_ids[np.newaxis]).numpy()[0]
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    slopes = np.abs(gradients.numpy()[0]).sum(axis=1)
    assert (slopes[token_ids != 0] > 0).all()
    assert (slopes[token_ids == 0] > 0).all() == (padding == "left"), (
        "masked padding has no influence, other padding has"
    )


def test_gradients_are_those_of_finite_differences():
    network = build().network
    token_ids = np.array([4, 6, 3], np.int32)
    embeddings = network.get_layer("embedding")(token_ids[np.newaxis]).numpy()
    differentiate = compile_gradients(network)
    _, gradients = differentiate(token_ids, embeddings)
    for position, dimension in itertools.product(range(3), range(5)):
        step = np.zeros_like(embeddings)
        step[0, position, dimension] = 1e-3
        higher, lower = (differentiate(token_ids, embeddings + sign * step)[0].numpy() for sign in (1, -1))
        assert gradients.numpy()[0, position, dimension] == pytest.approx((higher - lower).item() / 2e-3, abs=5e-3)


def test_a_network_without_order_gives_each_occurrence_of_a_word_the_same():
    # One word alone, mean pooling, no recurrence: all positions are equivalent.
    classifier = build(dataclasses.replace(MODEL, cell="simple_rnn", pooling="mean"))
    layer = classifier.network.get_layer("simple_rnn_1")
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([kernel, np.zeros_like(recurrent), bias])
    (explained,) = explain_texts(classifier, ["good good good good"])
    np.testing.assert_allclose(explained.contributions, explained.contributions[0], atol=1e-6)
    assert explained.contributions[0] == pytest.approx((explained.logit - explained.baseline_logit) / 4, abs=TOLERANCE)


def test_steps_increase_until_the_tolerance_is_met():
    classifier = build()
    token_ids = VOCABULARY.encode(tokenize(TEXTS[2]))[-6:]
    gradients = IntegratedGradients(classifier.network)
    logit = float(classifier.predict_token_logits([token_ids])[0])
    coarse, fine = (gradients.attribute(token_ids, tolerance=tolerance) for tolerance in (10.0, 1e-5))
    assert (coarse.steps or 0) < (fine.steps or 0)
    assert abs(fine.contributions.sum() - (logit - fine.baseline_logit)) <= 1e-5


@pytest.mark.parametrize("padding", ["masked", "left"])
@pytest.mark.parametrize("keep", ["last", "first"])
def test_probabilities_are_predictions_of_each_prefix(padding, keep, monkeypatch):
    monkeypatch.setattr(classifiers, "TOKENS_AT_ONCE", 13)  # several batches
    classifier = build(padding=padding, keep=keep)
    for text, explained in zip(TEXTS, explain_texts(classifier, TEXTS, "occlusion"), strict=True):
        words = tokenize(text)
        read = words[-6:] if keep == "last" else words[:6]
        assert list(explained.tokens) == read
        assert list(explained.unread) == (words[:-6] if keep == "last" else words[6:])
        assert list(explained.known) == [word in VOCABULARY.tokens for word in read]
        prefixes = [" ".join(read[:end]) for end in range(1, len(read) + 1)]
        np.testing.assert_allclose(explained.probabilities, classifier.predict_probabilities(prefixes), atol=1e-6)
        assert explained.label == classify(classifier, [text])["label"].item()


@pytest.mark.parametrize("padding", ["masked", "left"])
def test_occlusion_is_the_decrease_of_the_logit_without_each_token(padding):
    classifier = build(padding=padding)
    predict = compile_logits(classifier.network)

    def logit(words: list[str]) -> float:
        padded = np.pad(VOCABULARY.encode(words), (6 - len(words) if padding == "left" else 0, 0))
        return predict(padded[np.newaxis]).numpy().item()

    for text, explained in zip(TEXTS, explain_texts(classifier, TEXTS, "occlusion"), strict=True):
        words = tokenize(text)[-6:]
        for position, contribution in enumerate(explained.contributions):
            without = [*words[:position], "zyzzyva", *words[position + 1 :]]
            assert contribution == pytest.approx(logit(words) - logit(without), abs=1e-5)
        assert explained.baseline_logit == pytest.approx(logit(["zyzzyva"] * len(words)), abs=1e-5)


def test_a_network_reads_a_text_without_words_as_one_unknown_token():
    (explained,) = explain_texts(build(), ["- <br />"], "occlusion")
    assert explained.tokens == ("[UNK]",)
    assert explained.known == (False,)


NB_SVM = LinearClassifier(
    LinearSettings(model=LinearModel(family="nb_svm", ngrams=2, min_count=1, C=1.0), lowercase=True),
    ["good", "not", "not good", "film"],
    np.array([1.0, -0.5, -2.0, 0.25]),
    np.array([0.125]),
    np.empty(0),
)


def test_weights_are_divided_among_occurrences_and_words():
    (explained,) = explain_texts(NB_SVM, ["A good film, not good, not good!"])
    assert explained.tokens == ("a", "good", "film", "not", "good", "not", "good", "!")
    # "good" occurs three times (1/3 each), "not" and "not good" twice (-0.25 each, and -1 for two words each).
    third = 1.0 / 3.0
    expected = [0.0, third, 0.25, -0.25 - 0.5, third - 0.5, -0.25 - 0.5, third - 0.5, 0.0]
    np.testing.assert_allclose(explained.contributions, expected, atol=1e-12)
    assert explained.known == (False, True, True, True, True, True, True, False)
    assert explained.baseline_logit == 0.125
    assert explained.logit == pytest.approx(0.125 + 1.0 - 0.5 - 2.0 + 0.25)
    # After "a", "good", "film", "not", "not good": no n-gram counts twice.
    logits = [0.125, 1.125, 1.375, 0.875, -1.125, -1.125, -1.125, -1.125]
    np.testing.assert_allclose(explained.probabilities, 1 / (1 + np.exp(-np.array(logits))), atol=1e-6)


def test_occlusion_of_a_linear_model():
    (explained,) = explain_texts(NB_SVM, ["not good film"], "occlusion")
    np.testing.assert_allclose(explained.contributions, [-2.5, -1.0, 0.25], atol=1e-6)
    assert explained.baseline_logit == 0.125


def test_tfidf_weights_sum_exactly_to_the_logit():
    texts = ["the film was good good", "the film was bad", "not good the plot", "bad bad film"] * 3
    labels = np.array([1, 0, 0, 0] * 3, np.int8)
    classifier = fit_linear(
        LinearModel(family="tfidf_logistic", ngrams=2, min_count=1, C=5.0), texts, labels, 0, lowercase=True
    )
    for text, explained in zip(texts, explain_texts(classifier, texts), strict=True):
        assert explained.gap == pytest.approx(0.0, abs=1e-6)
        assert explained.baseline_logit == classifier.bias.item()
        assert explained.probabilities[-1] == pytest.approx(classifier.predict_probabilities([text])[0], abs=1e-6)


def test_a_linear_model_gives_the_bias_for_a_text_without_words():
    for method in ("weights", "occlusion"):
        (explained,) = explain_texts(NB_SVM, ["- <br />"], method)
        assert (explained.tokens, explained.contributions) == ((), ())
        assert explained.logit == explained.baseline_logit == 0.125


@pytest.mark.parametrize(
    ("classifier", "method", "message"),
    [
        (NB_SVM, "integrated_gradients", "--method must be weights or occlusion for a nb_svm model, got integ"),
        (None, "weights", "--method must be integrated_gradients or occlusion for a recurrent model, got weights"),
    ],
)
def test_a_method_of_another_family_is_an_error(classifier, method, message):
    with pytest.raises(ExplanationError, match=message):
        explain_texts(classifier or build(), ["x"], method)


def test_no_texts_have_no_explanations():
    assert explain_texts(NB_SVM, []) == []
