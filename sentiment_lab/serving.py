"""The logged model: raw text in, label and probability out. MLflow loads it by the name of this module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from sentiment_lab.models.classifier import Classifier

POSITIVE_ABOVE = 0.5
"""Probability above which a review is predicted positive."""
LABELS = ("negative", "positive")


class TextModel:
    """Returns, from `predict`, a frame of `label` (text) and `probability` (float32) of a positive review."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Classify the reviews of a frame with one column, or with a column `review`.

        MLflow builds that frame from a list or a Series, by the model's signature. Raises ValueError where there are
        several columns and none is named `review`, TypeError naming a row that is not text.
        """
        return classify(self._classifier, _texts(model_input))


def classify(classifier: Classifier, texts: list[str]) -> pd.DataFrame:
    """Return label and probability of each text, in order."""
    probabilities = classifier.predict_probabilities(texts)
    positive = (probabilities > POSITIVE_ABOVE).astype(int)
    return pd.DataFrame({"label": np.array(LABELS, object)[positive], "probability": probabilities})


def _texts(frame: pd.DataFrame) -> list[str]:
    if "review" not in frame and frame.shape[1] != 1:
        raise ValueError(f"the reviews must be in a column 'review', got columns {list(frame.columns)}")
    column = frame["review"] if "review" in frame else frame.iloc[:, 0]
    for row, text in enumerate(column):
        if not isinstance(text, str):
            raise TypeError(f"review {row} must be text, got {text!r}")
    return list(column)


def _load_pyfunc(path: str) -> TextModel:
    from sentiment_lab.models.classifier import load_classifier

    return TextModel(load_classifier(Path(path)))
