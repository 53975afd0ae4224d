"""Ours: `RecurrentClassifier.predict_probabilities` on raw reviews."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.protocol import serve
from benchmarks.reviews import load_texts
from sentiment_lab.models.classifier import load_classifier
from sentiment_lab.training.trainer import prepare_process


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load the saved classifier; a request classifies `reviews` reviews from index `start`."""
    prepare_process(settings["threads"], deterministic=True)
    classifier, texts = load_classifier(Path(settings["model"])), load_texts(settings).texts

    def predict(start: int, reviews: int) -> dict[str, Any]:
        batch = texts[start : start + reviews]
        started = time.perf_counter()
        classifier.predict_probabilities(batch)
        return {"seconds": time.perf_counter() - started, "reviews": len(batch)}

    return predict


if __name__ == "__main__":
    serve(build)
