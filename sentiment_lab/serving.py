"""The logged model: raw text in, label and probability out. MLflow loads it by this module's name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sentiment_lab.models.classifier import Classifier

POSITIVE_ABOVE = 0.5
"""Probability above which a review is called positive."""
LABELS = ("negative", "positive")


class TextModel:
    """Answers `predict` with a frame of `label` (text) and `probability` (float32) of a positive review."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Judge a list of reviews, a Series, or a frame with a column `review` or with one column only."""
        return judge(self._classifier, _texts(model_input))


def judge(classifier: Classifier, texts: list[str]) -> pd.DataFrame:
    """Return label and probability of each text, in order."""
    probabilities = classifier.predict_probabilities(texts)
    positive = (probabilities > POSITIVE_ABOVE).astype(int)
    return pd.DataFrame({"label": np.array(LABELS, object)[positive], "probability": probabilities})


def _texts(model_input: Any) -> list[str]:
    if isinstance(model_input, pd.DataFrame):
        if "review" in model_input:
            return _texts(model_input["review"])
        if model_input.shape[1] != 1:
            raise ValueError(f"the reviews must stand in a column 'review', got columns {list(model_input.columns)}")
        return _texts(model_input.iloc[:, 0])
    values: Iterable[object] = [model_input] if isinstance(model_input, str) else model_input
    texts = list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"review {row} must be text, got {text!r}")
    return [text for text in texts if isinstance(text, str)]


def _load_pyfunc(path: str) -> TextModel:
    from sentiment_lab.models.classifier import load_classifier

    return TextModel(load_classifier(Path(path)))
