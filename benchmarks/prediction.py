"""Prediction: real reviews that a bidirectional LSTM of the preset's size judges in a second, from raw text.

Ours is `predict_probabilities` of a saved classifier. The peers are the same model as MLflow's pyfunc, asked for one
review after another, and plain Keras: TextVectorization to one width and `predict`. All three in turns.
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
    """Save one model, let the candidates judge the same reviews."""
    settings = _saved(suite)
    repeats, reviews = suite.pick(full=(5, 3000), quick=(2, 1000), smoke=(1, 40))
    last = max(1, suite.reviews.count - reviews)
    answers = in_turns(
        {name: (module, settings) for name, module in CANDIDATES.items()},
        repeats,
        lambda repeat: {"start": (repeat * reviews) % last, "reviews": reviews},
        warm_up={"start": 0, "reviews": min(reviews, 300)},
    )
    values = Values()
    for name, given in answers.items():
        for answer in given:
            values.add("bilstm", name, UNIT, answer["reviews"] / answer["seconds"])
    ours = values.median("bilstm", "ours", UNIT)
    peers = list(CANDIDATES)[1:]
    ratios = {f"vs {peer}": ratio(ours, values.median("bilstm", peer, UNIT), higher_is_better=True) for peer in peers}
    return values.measured(ratios, notes=[f"{repeats} turns of {reviews:,} reviews, a tenth of them row by row"])


def _saved(suite: Suite) -> dict[str, Any]:
    reviews, folder = suite.reviews, suite.work / "prediction"
    words = ["data=imdb", *reviews.overrides(), "training.selection=last", "model=bilstm", *PLAIN]
    settings = {"overrides": words, "encoded": str(suite.work / "encoded")}
    places = {"model": str(folder / "model"), "pyfunc": str(folder / "pyfunc")}
    with Child("benchmarks.ours.save", settings) as child:
        saved = child.ask(**places)
    texts = {"table": str(reviews.table), "cache": str(reviews.cache), "threads": suite.threads}
    return {**texts, **places, **network_settings(compose_config(words)), "vocabulary_size": saved["vocabulary_size"]}
