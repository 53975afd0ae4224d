"""Text: from raw reviews to batches, on the labelled IMDB reviews.

Cutting all reviews into tokens, fitting a vocabulary of 10,000 ids on the train part and encoding all of them, with
the texts in memory at the start. `warm` is `build_dataset` whole: from the files of the cache to the encoded parts.

The candidates don't do quite the same. TextVectorization drops all punctuation, so that n't, !, ? and 10/10 are lost,
and leaves `br` as a word. tokenizers follows our rules (all but HTML entities), translated for its engine. Both work
on all cores, ours on one. Ours also keeps the last 200 tokens of each review and writes the cache that serves every
other split, vocabulary and length.

Word vectors (PPMI and SVD) are made of all tokens of the labelled reviews. The last table is the share of padding and
the seconds for building all batches of one epoch of the train part.
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
    """Let the candidates take turns, then measure what is ours alone."""
    values, settings = Values(), _settings(suite)
    repeats = suite.pick(full=3, quick=1, smoke=1)
    # tokenizers takes half a minute a turn.
    peers = PEERS if suite.size != "quick" else dict(list(PEERS.items())[:1])
    modules = {COLD: "benchmarks.ours.text", **peers}
    answers = in_turns({name: (module, settings) for name, module in modules.items()}, repeats, lambda _: {})
    for name, given in answers.items():
        for answer in given:
            _add_stages(values, name, answer, suite.reviews.count)
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


def _add_stages(values: Values, name: str, answer: dict[str, Any], reviews: int) -> None:
    values.add(name, "tokens and vocabulary", "s", answer["fit"])
    values.add(name, "encoding", "s", answer["encode"])
    values.add(name, "together", "s", answer["seconds"])
    values.add(name, "all three", "reviews/s", reviews / answer["seconds"])


def _add_own(values: Values, child: Child, repeats: int) -> None:
    child.ask(stage="warm")  # fills the file cache
    for _ in range(repeats):
        values.add(WARM, "together", "s", child.ask(stage="warm")["seconds"])
        values.add(VECTORS, "together", "s", child.ask(stage="vectors", size=VECTOR_SIZE)["seconds"])
    for length in (200, 400):
        for batching in ("similar_length", "shuffled"):
            answer = child.ask(stage="padding", max_length=length, batching=batching)
            row = f"at most {length} tokens, {batching}"
            values.add(row, "padding", "% of an epoch", 100 * answer["share"])
            values.add(row, "building an epoch", "s to build", answer["seconds"])


def _measured(values: Values, notes: list[str]) -> Measured:
    cold = values.median(COLD, "together", "s")
    theirs = {peer: values.median(peer, "together", "s") for peer in PEERS}
    ratios = {f"cold vs {peer}": ratio(cold, seconds, higher_is_better=False) for peer, seconds in theirs.items()}
    targets = [
        at_most("cold", cold, 8, "s"),
        at_most("warm", values.median(WARM, "together", "s"), 0.3, "s"),
        at_most("word vectors", values.median(VECTORS, "together", "s"), 8, "s"),
    ]
    return values.measured(ratios, targets, notes)
