"""The linear classifiers against scikit-learn's own pipelines and against ratios computed by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.svm import LinearSVC

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import ImdbData, LinearModel
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.models.classifier import load_classifier
from sentiment_lab.models.linear import LinearClassifier, LinearSettings, NaiveBayesWeights, fit_linear
from sentiment_lab.training.scores import score

LOGISTIC = LinearModel(family="tfidf_logistic", ngrams=2, min_count=2, C=20.0)
NB_SVM = LinearModel(family="nb_svm", ngrams=3, min_count=2, C=0.1)
UNIT_LENGTH = LinearModel(family="nb_svm", ngrams=3, min_count=2, C=1.0, unit_length=True)
MODELS = pytest.mark.parametrize(
    "model", [LOGISTIC, NB_SVM, UNIT_LENGTH], ids=["tfidf_logistic", "nb_svm", "unit_length"]
)

WORDS = ("the", "film", "plot", "was", "is", "a", "joy", "bore", "great", "awful", "Fine", "dull")


def reviews(number: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Random words; great is more frequent in positive texts, awful in negative ones."""
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % 2
    weights = np.ones((2, len(WORDS)))
    weights[0, 9] = weights[1, 8] = 5.0
    shares = weights / weights.sum(axis=1, keepdims=True)
    return [" ".join(generator.choice(WORDS, 12, p=shares[label])) for label in labels], labels.astype(np.int8)


TEXTS, LABELS = reviews(120)
OTHER_TEXTS, OTHER_LABELS = reviews(60, seed=1)


def test_tfidf_logistic_equals_the_scikit_learn_pipeline():
    features = TfidfVectorizer(tokenizer=tokenize, token_pattern=None, ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    pipeline = make_pipeline(features, LogisticRegression(C=20.0)).fit(TEXTS, LABELS)
    ours = fit_linear(LOGISTIC, TEXTS, LABELS, seed=0, lowercase=True)
    np.testing.assert_allclose(
        ours.predict_probabilities(OTHER_TEXTS), pipeline.predict_proba(OTHER_TEXTS)[:, 1], atol=1e-6
    )
    assert ours.parameters == len(features.vocabulary_) + 1


@pytest.mark.parametrize(
    ("model", "steps"),
    [(NB_SVM, [NaiveBayesWeights()]), (UNIT_LENGTH, [NaiveBayesWeights(), Normalizer()])],
    ids=["nb_svm", "unit_length"],
)
def test_nb_svm_equals_its_calibrated_pipeline(model, steps):
    counts = CountVectorizer(tokenizer=tokenize, token_pattern=None, ngram_range=(1, 3), binary=True, min_df=2)
    calibrated = CalibratedClassifierCV(
        make_pipeline(*steps, LinearSVC(C=model.C, random_state=0)),
        ensemble=False,
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    ).fit(counts.fit_transform(TEXTS), LABELS)
    expected = calibrated.predict_proba(counts.transform(OTHER_TEXTS))[:, 1]
    ours = fit_linear(model, TEXTS, LABELS, seed=0, lowercase=True)
    np.testing.assert_allclose(ours.predict_probabilities(OTHER_TEXTS), expected, atol=1e-6)


def test_at_unit_length_a_text_is_its_ratios_scaled_by_hand():
    settings = LinearSettings(model=UNIT_LENGTH, lowercase=True)
    weights, ratios = np.array([1.0, -2.0, 5.0]), np.array([3.0, -4.0, 0.0])
    classifier = LinearClassifier(settings, ["good", "bad", "film"], weights, np.array([0.5]), np.empty(0), ratios)
    # The ratios 3, -4 and 0 have the length 5; a word that occurs twice counts once.
    assert classifier.ngram_contributions(["good", "bad", "bad", "film"]) == pytest.approx(
        {"good": 0.6, "bad": 1.6, "film": 0.0}
    )
    logits = classifier.predict_logits(["good bad bad film", "good", "film", ""])
    np.testing.assert_allclose(logits, [2.7, 1.5, 0.5, 0.5], rtol=1e-6)


def test_weights_stored_without_ratios_are_read(tmp_path):
    classifier = fit_linear(NB_SVM, TEXTS, LABELS, seed=0, lowercase=True)
    assert len(classifier.weights()) == 3, "a further tensor, even an empty one, would change the digest of stored runs"
    (tmp_path / "ngrams.json").write_text(json.dumps(classifier.ngrams), encoding="utf-8")
    arrays = {name: getattr(classifier, name) for name in ("ngram_weights", "bias", "idf")}
    np.savez(tmp_path / "weights.npz", **arrays)
    loaded = LinearClassifier.load(tmp_path, classifier.settings)
    assert np.array_equal(loaded.predict_logits(OTHER_TEXTS), classifier.predict_logits(OTHER_TEXTS))


def test_naive_bayes_ratios_are_those_computed_by_hand():
    # Texts that hold the n-grams, plus 1: positive (3, 2, 1) of 6, negative (1, 2, 1) of 4.
    counts = csr_matrix([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    weights = NaiveBayesWeights().fit(counts, np.array([1, 1, 0]))
    expected = np.log([(3 / 6) / (1 / 4), (2 / 6) / (2 / 4), (1 / 6) / (1 / 4)])
    np.testing.assert_allclose(weights.ratio_, expected)
    np.testing.assert_allclose(weights.transform(counts).toarray()[0], expected * [1, 1, 0])


def test_probabilities_of_nb_svm_are_near_a_half_where_labels_are_random():
    # Each text has words of its own, so that the SVM separates the training texts for any labels; a sigmoid that was
    # fitted on those margins would give each of them a probability near 0 or 1.
    texts = [f"{text} only{row // 2}" for row, text in enumerate(reviews(200)[0])]
    labels = np.random.default_rng(2).permutation(np.arange(200) % 2)
    probabilities = fit_linear(NB_SVM, texts, labels, seed=0, lowercase=True).predict_probabilities(texts)
    assert np.abs(probabilities - 0.5).max() < 0.2


@MODELS
def test_it_learns_from_the_words(model):
    classifier = fit_linear(model, TEXTS, LABELS, seed=0, lowercase=True)
    correct = (classifier.predict_probabilities(OTHER_TEXTS) > 0.5) == OTHER_LABELS
    assert correct.mean() > 0.8
    assert classifier.predict_probabilities(["great great"]) > 0.5 > classifier.predict_probabilities(["awful awful"])


@MODELS
def test_a_seed_gives_the_same_weights(model):
    first, second = (fit_linear(model, TEXTS, LABELS, seed=3, lowercase=True) for _ in range(2))
    assert first.ngrams == second.ngrams
    for one, other in zip(first.weights(), second.weights(), strict=True):
        assert np.array_equal(one, other)


@MODELS
def test_a_saved_classifier_predicts_the_same(model, tmp_path):
    classifier = fit_linear(model, TEXTS, LABELS, seed=0, lowercase=False)
    classifier.save(tmp_path)
    loaded = load_classifier(tmp_path)
    assert isinstance(loaded, LinearClassifier)
    assert loaded.settings == classifier.settings
    assert np.array_equal(loaded.predict_probabilities(OTHER_TEXTS), classifier.predict_probabilities(OTHER_TEXTS))


def test_ngrams_with_line_separators_survive_saving(tmp_path):
    ngrams = ["a\u2028b", "a\x85b", "a\nb", "naïve ✓"]
    settings = LinearSettings(model=NB_SVM, lowercase=True)
    LinearClassifier(settings, ngrams, np.ones(4), np.zeros(1), np.empty(0)).save(tmp_path)
    loaded = load_classifier(tmp_path)
    assert isinstance(loaded, LinearClassifier)
    assert loaded.ngrams == ngrams


@MODELS
def test_case_is_kept_unless_texts_are_lowercased(model):
    lowercased = fit_linear(model, TEXTS, LABELS, seed=0, lowercase=True)
    kept = fit_linear(model, TEXTS, LABELS, seed=0, lowercase=False)
    assert "fine" in lowercased.ngrams
    assert "Fine" in kept.ngrams
    assert "fine" not in kept.ngrams
    assert np.array_equal(lowercased.predict_logits(["FINE plot"]), lowercased.predict_logits(["fine plot"]))


@MODELS
def test_texts_without_known_words_have_the_logit_of_the_bias(model):
    classifier = fit_linear(model, TEXTS, LABELS, seed=0, lowercase=True)
    np.testing.assert_allclose(classifier.predict_logits(["", "zyzzyva"]), np.repeat(classifier.bias, 2), rtol=1e-6)
    assert classifier.predict_probabilities([]).shape == (0,)


@MODELS
def test_a_min_count_that_leaves_no_ngram_is_named(model):
    demanding = dataclasses.replace(model, min_count=121)
    with pytest.raises(ConfigError, match=r"model\.min_count must leave an n-gram of the 120 training texts, got 121"):
        fit_linear(demanding, TEXTS, LABELS, seed=0, lowercase=True)


@pytest.mark.parametrize(("model", "positive"), [(LOGISTIC, 0), (NB_SVM, 4)])
def test_too_few_reviews_of_a_label_are_named(model, positive):
    labels = (np.arange(120) < positive).astype(int)
    with pytest.raises(DataError, match=rf"{model.family} needs at least {positive + 1} .* got {positive}"):
        fit_linear(model, TEXTS, labels, seed=0, lowercase=True)


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("model", "measured"),
    [
        (LinearModel(family="tfidf_logistic", ngrams=2, min_count=2, C=20.0), 0.9085),
        (LinearModel(family="nb_svm", ngrams=3, min_count=2, C=0.01), 0.9174),
        (UNIT_LENGTH, 0.9201),
    ],
    ids=["tfidf_logistic", "nb_svm", "unit_length"],
)
def test_accuracy_on_the_official_split_of_imdb(model, measured, imdb_archive, cache):
    data = ImdbData(source="imdb", path=str(imdb_archive), unlabelled=False, limit=None, expect=None)
    corpus = load_corpus(data, cache)
    labels, parts = corpus.reviews["label"].to_numpy(), corpus.reviews["part"].to_numpy()
    texts = {part: [corpus.texts[row] for row in np.flatnonzero(parts == part)] for part in ("train", "test")}
    classifier = fit_linear(model, texts["train"], labels[parts == "train"], seed=0, lowercase=True)
    scores = score(labels[parts == "test"], classifier.predict_logits(texts["test"]))
    # The first two accuracies are from another tokenizer; 0.004 is two standard errors on 25,000 reviews.
    assert scores.accuracy == pytest.approx(measured, abs=0.004)
    assert scores.ece < 0.03
