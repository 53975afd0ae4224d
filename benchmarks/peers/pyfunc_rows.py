"""MLflow's pyfunc asked for one review after another, as a service does that gets them one by one."""

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
    """Load the model; a request judges a tenth of `reviews` reviews from number `start` on."""
    prepare_process(settings["threads"], deterministic=True)
    model, texts = mlflow.pyfunc.load_model(settings["pyfunc"]), load_texts(settings).texts

    def predict(start: int, reviews: int) -> dict[str, Any]:
        chosen = texts[start : start + max(1, reviews // 10)]
        started = time.perf_counter()
        for text in chosen:
            model.predict(pd.DataFrame({"review": [text]}))
        return {"seconds": time.perf_counter() - started, "reviews": len(chosen)}

    return predict


if __name__ == "__main__":
    serve(build)
