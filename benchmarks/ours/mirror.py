"""Ours: a client of a store that mirrors complete runs as `sync` does, or logs epochs as training does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from mlflow.entities import Metric

from benchmarks.protocol import serve
from benchmarks.synthetic import with_seed, write_run
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.tracking.run_mirror import EPOCH_METRICS, RunMirror
from sentiment_lab.tracking.store import Store

REVIEWS = 1_000


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Write `count` run folders of client `number` and connect; a request sends `runs` or `epochs`."""
    store = Store(settings["uri"], Path(settings["artifacts"]) if settings["artifacts"] else None)
    root = Path(settings["root"]) / str(settings["number"])
    config = compose_config([f"paths.runs={root}/runs", f"paths.store={root}"])
    tracking = replace(config.tracking, model=False)
    folders = [_folder(config, 1_000 * settings["number"] + index) for index in range(settings["count"])]
    experiment = store.experiment_id("default")

    def run(what: str, times: int = 0) -> dict[str, Any]:
        started = time.time()
        if what == "runs":
            for folder in folders:
                RunMirror(store, tracking, folder).push(alive=False)
        else:
            run_id = store.client.create_run(experiment).info.run_id
            for epoch in range(times):
                metrics = [Metric(name, 0.5, 1_000 * epoch, epoch) for name in EPOCH_METRICS]
                store.client.log_batch(run_id, metrics=metrics)
        return {"started": started, "ended": time.time()}

    return run


def _folder(config: Any, seed: int) -> RunFolder:
    generator = np.random.default_rng(seed)
    labels = np.arange(REVIEWS, dtype=np.int8) % 2
    with patch("os.fsync"):
        return write_run(with_seed(config, seed), generator.random(REVIEWS), labels)


if __name__ == "__main__":
    serve(build)
