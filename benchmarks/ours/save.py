"""Save an untrained network as a classifier and as MLflow's pyfunc; its size is that of a trained one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.protocol import serve
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.models.classifier import RecurrentClassifier
from sentiment_lab.models.recurrent import build_recurrent


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return the function that saves both into folders."""

    def save(model: str, pyfunc: str) -> dict[str, Any]:
        import mlflow

        config = compose_config(settings["overrides"])
        vocabulary = build_dataset(config, Path(settings["encoded"])).vocabulary
        network = build_recurrent(config.model, vocabulary.size, config.seed)
        Path(model).mkdir(parents=True)
        RecurrentClassifier(network, vocabulary, config.model, config.text).save(Path(model))
        mlflow.pyfunc.save_model(pyfunc, loader_module="sentiment_lab.serving", data_path=model, pip_requirements=[])
        return {"vocabulary_size": vocabulary.size}

    return save


if __name__ == "__main__":
    serve(build)
