"""Linear classifiers on word n-grams, the baselines of the networks."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, normalize
from sklearn.svm import LinearSVC

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import LinearModel
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tokenizer import tokenize
from sentiment_lab.data.vocabulary import has_known_word
from sentiment_lab.models.folder import write_description
from sentiment_lab.models.logits import sigmoid

CALIBRATION_FOLDS = 5
"""Folds of the training reviews that are held out in turn to fit the probabilities of nb_svm."""

_NGRAMS, _WEIGHTS = "ngrams.json", "weights.npz"


@dataclass(kw_only=True)
class LinearSettings:
    """The settings that a saved model needs beside its weights."""

    model: LinearModel
    lowercase: bool


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """Predicts a logit for each text: the sum of the weighted values of its n-grams, plus a bias.

    In tfidf_logistic the value of an n-gram is (1 + log frequency) * idf, and the values of a text are scaled to length
    1. In nb_svm it is 1 or, with `model.unit_length`, its log-count ratio, scaled in the same way.
    """

    settings: LinearSettings
    ngrams: list[str]
    """Words of an n-gram are separated by one space."""
    ngram_weights: NDArray[np.float64]
    """(ngrams,)"""
    bias: NDArray[np.float64]
    """(1,)"""
    idf: NDArray[np.float64]
    """(ngrams,); empty for nb_svm."""
    ratios: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """(ngrams,) of nb_svm with `model.unit_length`; empty otherwise, where the weights include them."""

    @property
    def parameters(self) -> int:
        """Number of weights, the bias included."""
        return len(self.ngram_weights) + 1

    def weights(self) -> list[NDArray[np.float64]]:
        """Return all fitted arrays, in a fixed order."""
        # Without the empty ratios, so that the digests of runs stored before ratios were introduced stay the same.
        return [self.ngram_weights, self.bias, self.idf, *([self.ratios] if len(self.ratios) else [])]

    def predict_logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the logits (texts,) of a positive review."""
        if not texts:
            return np.empty(0, np.float32)
        lowercase = self.settings.lowercase
        return self.predict_token_logits(tokenize(text, lowercase=lowercase) for text in texts)

    def predict_token_logits(self, texts: Iterable[Sequence[str]]) -> NDArray[np.float32]:
        """Return the logits (texts,) of texts that are lists of tokens."""
        logits = self._ngram_values(texts) @ self.ngram_weights + self.bias
        return np.asarray(logits, np.float32)

    def ngram_contributions(self, tokens: Sequence[str]) -> dict[str, float]:
        """Return the contribution of each known n-gram of a text to the logit: its weight times its value."""
        values = self._ngram_values([tokens])
        return {
            self.ngrams[index]: float(self.ngram_weights[index] * value)
            for index, value in zip(values.indices, values.data, strict=True)
        }

    def predict_probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability (texts,) of a positive review."""
        return sigmoid(self.predict_logits(texts))

    def has_known_word(self, text: str) -> bool:
        """Whether a word of the text is one of the n-grams."""
        return has_known_word(text, self._known, lowercase=self.settings.lowercase)

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder."""
        # One JSON list: an n-gram may contain any character but white space, so that no line end separates them safely.
        (folder / _NGRAMS).write_text(json.dumps(self.ngrams, ensure_ascii=False), encoding="utf-8")
        arrays = {name: getattr(self, name) for name in ("ngram_weights", "bias", "idf", "ratios")}
        np.savez(folder / _WEIGHTS, **arrays)
        write_description(folder, dataclasses.asdict(self.settings))

    @classmethod
    def load(cls, folder: Path, settings: LinearSettings) -> Self:
        """Read what `save` wrote."""
        ngrams = json.loads((folder / _NGRAMS).read_text(encoding="utf-8"))
        with np.load(folder / _WEIGHTS, allow_pickle=False) as arrays:
            return cls(settings, ngrams, **arrays)

    def _ngram_values(self, texts: Iterable[Sequence[str]]) -> csr_matrix:
        """Return the values that the weights are multiplied with: (texts, ngrams)."""
        values: csr_matrix = self._vectorizer.transform(texts)
        return normalize(_scale(values, self.ratios)) if len(self.ratios) else values

    @functools.cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.ngrams)

    @functools.cached_property
    def _vectorizer(self) -> Any:
        vectorizer = _build_vectorizer(self.settings, vocabulary=self.ngrams, tokenizer=list)
        if self.settings.model.family == "tfidf_logistic":
            vectorizer.idf_ = self.idf
        return vectorizer


def fit_linear(
    model: LinearModel, texts: Sequence[str], labels: NDArray[np.integer], seed: int, *, lowercase: bool
) -> LinearClassifier:
    """Fit the classifier on texts and their labels (texts,) of 0 and 1.

    tfidf_logistic has no random part, so that its seeds agree. Raises ConfigError where no n-gram occurs in
    `model.min_count` texts, DataError where there are too few texts of a label.
    """
    _check_labels(model, labels)
    settings = LinearSettings(model=model, lowercase=lowercase)
    vectorizer = _build_vectorizer(settings, min_df=model.min_count)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError as error:
        problem = f"model.min_count must leave an n-gram of the {len(texts)} training texts, got {model.min_count}"
        raise ConfigError([problem]) from error
    ngrams = vectorizer.get_feature_names_out().tolist()
    if model.family == "tfidf_logistic":
        return LinearClassifier(settings, ngrams, *_fit_logistic(model, counts, labels), vectorizer.idf_)
    weights, bias, ratios = _fit_nb_svm(model, counts, np.asarray(labels), seed)
    return LinearClassifier(settings, ngrams, weights, bias, np.empty(0), ratios)


class NaiveBayesWeights(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scales each n-gram by its log-count ratio r (Wang and Manning 2012, section 2.1, with alpha = 1)."""

    ratio_: NDArray[np.float64]
    """(ngrams,)"""

    def fit(self, counts: csr_matrix, labels: NDArray[np.integer]) -> Self:
        """Compute the ratios from binary counts (texts, ngrams)."""
        positive, negative = (1.0 + np.asarray(counts[labels == label].sum(axis=0)).ravel() for label in (1, 0))
        self.ratio_ = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
        return self

    def transform(self, counts: csr_matrix) -> csr_matrix:
        """Return the scaled counts."""
        return _scale(counts, self.ratio_)


def _scale(counts: csr_matrix, factors: NDArray[np.float64]) -> csr_matrix:
    """Return counts (texts, ngrams) times a factor for each n-gram."""
    scaled = counts.copy()
    scaled.data = scaled.data * factors[scaled.indices]
    return scaled


def _check_labels(model: LinearModel, labels: NDArray[np.integer]) -> None:
    needed = CALIBRATION_FOLDS if model.family == "nb_svm" else 1
    fewest = int(min(np.sum(labels == 0), np.sum(labels == 1)))
    if fewest < needed:
        raise DataError(f"{model.family} needs at least {needed} training reviews of each label, got {fewest}")


def _build_vectorizer(settings: LinearSettings, **options: Any) -> CountVectorizer:
    shared: dict[str, Any] = {
        "tokenizer": functools.partial(tokenize, lowercase=settings.lowercase),
        "token_pattern": None,
        "lowercase": False,
        "ngram_range": (1, settings.model.ngrams),
        **options,
    }
    if settings.model.family == "tfidf_logistic":
        return TfidfVectorizer(sublinear_tf=True, **shared)
    return CountVectorizer(binary=True, dtype=np.float64, **shared)


def _fit_logistic(
    model: LinearModel, counts: csr_matrix, labels: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    logistic = LogisticRegression(C=model.C, max_iter=1000).fit(counts, labels)
    return logistic.coef_[0], logistic.intercept_


def _fit_nb_svm(
    model: LinearModel, counts: csr_matrix, labels: NDArray[np.integer], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and bias of the logits of Platt's probabilities (1999), which include ratios and slope.

    Where texts are scaled to length 1, the weights do not include the ratios, which are then the third array.

    The sigmoid is fitted on held-out folds of the training texts, with ratios and SVM fitted on the other folds:
    margins of training texts would make its probabilities far too extreme.
    """
    scaling = Normalizer() if model.unit_length else "passthrough"
    svm = make_pipeline(NaiveBayesWeights(), scaling, LinearSVC(C=model.C, random_state=seed))
    folds = StratifiedKFold(CALIBRATION_FOLDS, shuffle=True, random_state=seed)
    calibrated = CalibratedClassifierCV(svm, method="sigmoid", ensemble=False, cv=folds).fit(counts, labels)
    (refitted,) = calibrated.calibrated_classifiers_
    (platt,) = refitted.calibrators
    ratios, _, separator = (step for _, step in refitted.estimator.steps)
    # scikit-learn's sigmoid is 1 / (1 + exp(a margin + b)).
    bias = -platt.a_ * separator.intercept_ - platt.b_
    if model.unit_length:
        return -platt.a_ * separator.coef_[0], bias, ratios.ratio_
    return -platt.a_ * ratios.ratio_ * separator.coef_[0], bias, np.empty(0)
