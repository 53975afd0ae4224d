"""Prediction throughput: real reviews per second of a bidirectional LSTM of the preset's size, from raw text.

Ours is `predict_probabilities` of a saved classifier. The peers are the same model as MLflow's pyfunc, called with one
review at a time, and plain Keras: TextVectorization to a fixed width and `predict`. All three take turns.
"""

from __future__ import annotations

from typing import Any

from benchmarks.protocol import Child
from benchmarks.results import Measured, Values, ratio
from benchmarks.suite import PLAIN, Suite, in_turns
from benchmarks.training_throughput import network_settings
from sentiment_lab.config.compose import compose_config

TITLE = "Prediction"
UNIT = "reviews/s"
CANDIDATES = {
    "ours": "benchmarks.ours.predict",
    "MLflow pyfunc, row by row": "benchmarks.peers.pyfunc_rows",
    "Keras, padded": "benchmarks.peers.keras_predict",
}


def measure(suite: Suite) -> Measured:
    """Save one model and run the candidates on the same reviews."""
    settings = _save_models(suite)
    repeats, reviews = suite.pick(full=(5, 3000), quick=(2, 1000), smoke=(1, 40))
    last = max(1, suite.reviews.count - reviews)
    responses = in_turns(
        {name: (module, settings) for name, module in CANDIDATES.items()},
        repeats,
        lambda repeat: {"start": (repeat * reviews) % last, "reviews": reviews},
        warm_up={"start": 0, "reviews": min(reviews, 300)},
    )
    values = Values()
    for name, turns in responses.items():
        for response in turns:
            values.add("bilstm", name, UNIT, response["reviews"] / response["seconds"])
    ours = values.median("bilstm", "ours", UNIT)
    peers = list(CANDIDATES)[1:]
    ratios = {f"vs {peer}": ratio(ours, values.median("bilstm", peer, UNIT), higher_is_better=True) for peer in peers}
    return values.measured(ratios, notes=[f"{repeats} turns of {reviews:,} reviews; row by row, a tenth of them"])


def _save_models(suite: Suite) -> dict[str, Any]:
    reviews, folder = suite.reviews, suite.work / "prediction"
    overrides = ["data=imdb", *reviews.overrides(), "training.selection=last", "model=bilstm", *PLAIN]
    settings = {"overrides": overrides, "encoded": str(suite.work / "encoded")}
    folders = {"model": str(folder / "model"), "pyfunc": str(folder / "pyfunc")}
    with Child("benchmarks.ours.save", settings) as child:
        saved = child.request(**folders)
    texts = {"table": str(reviews.table), "cache": str(reviews.cache), "threads": suite.threads}
    network = {**network_settings(compose_config(overrides)), "vocabulary_size": saved["vocabulary_size"]}
    return {**texts, **folders, **network}
