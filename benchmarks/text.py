"""Text preparation: from raw reviews to batches, on the labelled IMDB reviews.

Measured is the time to tokenize all reviews, fit a vocabulary of 10,000 ids on the train part and encode all reviews,
with the texts in memory at the start. `warm` is the complete `build_dataset`: from the cache files to encoded parts.

The candidates do not do exactly the same work. TextVectorization removes all punctuation, so n't, !, ? and 10/10 are
lost, and keeps `br` as a word. tokenizers uses our rules (except HTML entities), translated for its engine. Both use
all cores, ours uses one. Ours also keeps the last 200 tokens of each review and writes the cache that every other
split, vocabulary and length reuses.

Word vectors (PPMI and SVD) are computed from all tokens of the labelled reviews. The last tables show the share of
padding, and the seconds to build all batches of one epoch of the train part.
"""

from __future__ import annotations

from typing import Any

from benchmarks.protocol import Child
from benchmarks.results import Measured, Values, at_most, ratio
from benchmarks.suite import Suite, in_turns

TITLE = "Text"
VOCABULARY_SIZE, VECTOR_SIZE = 10_000, 64
COLD, WARM, VECTORS = "sentiment_lab, cold", "sentiment_lab, warm", "sentiment_lab, word vectors"
PEERS = {
    "keras.layers.TextVectorization": "benchmarks.peers.text_vectorization",
    "tokenizers, the same rules": "benchmarks.peers.word_level",
}


def measure(suite: Suite) -> Measured:
    """Run the candidates in turns, then measure the features that only ours has."""
    values, settings = Values(), _settings(suite)
    repeats = suite.pick(full=3, quick=1, smoke=1)
    # tokenizers takes half a minute per turn.
    peers = PEERS if suite.size != "quick" else dict(list(PEERS.items())[:1])
    modules = {COLD: "benchmarks.ours.text", **peers}
    responses = in_turns({name: (module, settings) for name, module in modules.items()}, repeats, lambda _: {})
    for name, turns in responses.items():
        for response in turns:
            _add_stages(values, name, response, suite.reviews.count)
    with Child("benchmarks.ours.text", settings) as child:
        _add_own(values, child, repeats)
    return _measured(values, [f"{repeats} turns, {suite.reviews.count:,} reviews"])


def _settings(suite: Suite) -> dict[str, Any]:
    reviews = suite.reviews
    return {
        "table": str(reviews.table),
        "cache": str(reviews.cache),
        "encoded": str(suite.work / "encoded"),
        "overrides": ["data=imdb", "text=article", *reviews.overrides(), "training.selection=last"],
        "train": reviews.train,
        "threads": suite.threads,
        "vocabulary_size": VOCABULARY_SIZE,
    }


def _add_stages(values: Values, name: str, response: dict[str, Any], reviews: int) -> None:
    values.add(name, "tokens and vocabulary", "s", response["fit"])
    values.add(name, "encoding", "s", response["encode"])
    values.add(name, "total", "s", response["seconds"])
    values.add(name, "throughput", "reviews/s", reviews / response["seconds"])


def _add_own(values: Values, child: Child, repeats: int) -> None:
    child.request(stage="warm")  # fills the file cache
    for _ in range(repeats):
        values.add(WARM, "total", "s", child.request(stage="warm")["seconds"])
        values.add(VECTORS, "total", "s", child.request(stage="vectors", size=VECTOR_SIZE)["seconds"])
    for length in (200, 400):
        for batching in ("similar_length", "shuffled"):
            response = child.request(stage="padding", max_length=length, batching=batching)
            row = f"at most {length} tokens, {batching}"
            values.add(row, "padding", "% of an epoch", 100 * response["share"])
            values.add(row, "building batches", "s per epoch", response["seconds"])


def _measured(values: Values, notes: list[str]) -> Measured:
    cold = values.median(COLD, "total", "s")
    peer_seconds = {peer: values.median(peer, "total", "s") for peer in PEERS}
    ratios = {f"cold vs {peer}": ratio(cold, seconds, higher_is_better=False) for peer, seconds in peer_seconds.items()}
    targets = [
        at_most("cold", cold, 8, "s"),
        at_most("warm", values.median(WARM, "total", "s"), 0.3, "s"),
        at_most("word vectors", values.median(VECTORS, "total", "s"), 8, "s"),
    ]
    return values.measured(ratios, targets, notes)
