"""Complete run folders without training: their predictions are random.

Tests use them as studies with known differences, benchmarks as folders with thousands of runs.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sentiment_lab.base.files import atomic_write, checksummed_json, file_digest
from sentiment_lab.config.identity import config_hash
from sentiment_lab.config.settings import Config, architecture
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.provenance import CodeVersion
from sentiment_lab.runs.writing import begin_run
from sentiment_lab.training.result import EpochRecord, Result, Scores, result_to_plain
from sentiment_lab.training.scores import score

DATA_HASH = "d" * 64


def write_run(
    config: Config, probabilities: NDArray[np.float64], labels: NDArray[np.int8], *, data_hash: str = DATA_HASH
) -> RunFolder:
    """Write the folder of a complete run with these predicted probabilities (reviews,) of its test part."""
    folder = RunFolder.of(config)
    begin(config)
    table = {
        "review_id": [f"{number:012x}" for number in range(len(labels))],
        "part": ["test"] * len(labels),
        "label": labels,
        "probability": probabilities.astype(np.float32),
        "tokens": np.arange(len(labels), dtype=np.int64) % 200 + 10,
    }
    pq.write_table(pa.table(table), folder.path / "predictions.parquet")
    clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
    write_result(config, result_of(config, score(labels, np.log(clipped / (1 - clipped))), data_hash))
    return folder


def begin(config: Config) -> RunFolder:
    """Write the folder of a run that has just started."""
    folder = RunFolder.of(config)
    folder.path.mkdir(parents=True, exist_ok=True)
    files = begin_run(folder, config, [f"seed={config.seed}"], CodeVersion("synthetic", ""), {"threads": "1"})
    name = f"{architecture(config.model)} seed={config.seed}"
    metadata = {
        "training": config_hash(config)[:32],
        "config_hash": config_hash(config),
        "study": config.study.name,
        "architecture": architecture(config.model),
        "code_version": "synthetic",
        "env_version": "synthetic",
        "source": "synthetic",
        "host": "nowhere",
        "pid": 0,
    }
    folder.journal.append("started", **metadata, name=name, files=files, sweep=None)
    return folder


def write_result(config: Config, result: Result) -> None:
    """Write result.json and the remaining journal events, which complete the run."""
    folder = RunFolder.of(config)
    files = {path.name: file_digest(path) for path in folder.path.glob("predictions.parquet")}
    plain = {**result_to_plain(result), "config_hash": config_hash(config), "files": files}
    atomic_write(folder.path / "result.json", checksummed_json(plain))
    hashes = {"data_hash": result.data_hash, "split_hash": result.split_hash}
    folder.journal.append("data", **hashes, parts={"train": {"reviews": 25_000}, "test": {"reviews": 25_000}})
    for epoch in result.epochs:
        folder.journal.append("epoch", **asdict(epoch))
    folder.journal.append("completed", weights_digest=result.weights_digest)


def result_of(config: Config, scores: Scores, data_hash: str = DATA_HASH) -> Result:
    """Return a result with these scores and three invented epochs."""
    epochs = [
        EpochRecord(
            epoch=number,
            train_loss=0.7 / number,
            train_accuracy=1 - 0.4 / number,
            validation_loss=0.8 / number,
            validation_accuracy=1 - 0.5 / number,
            learning_rate=0.001,
            epoch_seconds=2.0,
            tokens_per_second=1000.0,
        )
        for number in (1, 2, 3)
    ]
    return Result(
        architecture=architecture(config.model),
        execution_path="cpu:while_loop",
        data_hash=data_hash,
        split_hash="e" * 64,
        weights_digest=config_hash(config),
        parameters=1000,
        epochs=epochs,
        best_epoch=3,
        kept_epoch=3,
        best_validation_accuracy=epochs[-1].validation_accuracy,
        validation_is_test=False,
        test=scores,
        train_seconds=6.0,
        predict_reviews_per_second=5000.0,
    )


def with_seed(config: Config, seed: int) -> Config:
    """Return the config with another seed."""
    return replace(config, seed=seed)
