"""MLflow's pyfunc called with one review at a time, as in a service that receives single reviews."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import mlflow
import pandas as pd

from benchmarks.protocol import serve
from benchmarks.reviews import load_texts
from sentiment_lab.training.trainer import prepare_process


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load the model; a request classifies a tenth of `reviews` reviews from index `start`."""
    prepare_process(settings["threads"], deterministic=True)
    model, texts = mlflow.pyfunc.load_model(settings["pyfunc"]), load_texts(settings).texts

    def predict(start: int, reviews: int) -> dict[str, Any]:
        batch = texts[start : start + max(1, reviews // 10)]
        started = time.perf_counter()
        for text in batch:
            model.predict(pd.DataFrame({"review": [text]}))
        return {"seconds": time.perf_counter() - started, "reviews": len(batch)}

    return predict


if __name__ == "__main__":
    serve(build)
