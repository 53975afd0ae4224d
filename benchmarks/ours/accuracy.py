"""Ours: from texts to test accuracy with the study `+experiments=fast`; the cache contains only parsed texts."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.protocol import serve
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.models import classifier as _classifier
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.train import train_and_evaluate
from sentiment_lab.training.trainer import prepare_process


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Import everything; a request tokenizes, trains and predicts once."""
    config = compose_config([*settings["overrides"], f"launch.threads={settings['threads']}"])
    assert _classifier  # imported before the clock starts
    prepare_process(settings["threads"], deterministic=config.training.deterministic)

    def run() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder) / "cache"
            shutil.copytree(settings["cache"], cache)
            started = time.perf_counter()
            dataset = build_dataset(config, cache)
            prepared = time.perf_counter()
            outcome = train_and_evaluate(config, dataset, Callback())
            ended = time.perf_counter()
        seconds = {"seconds": ended - started, "text_seconds": prepared - started}
        return {**seconds, "accuracy": outcome.result.test.accuracy, "epochs": len(outcome.result.epochs)}

    return run


if __name__ == "__main__":
    serve(build)
