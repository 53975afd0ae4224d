"""Measure the way from raw reviews to batches on the 50,000 labelled IMDB reviews.

    python benchmarks/text.py [--data PATH] [--repeats 5]

Two Markdown tables go to standard output.

The first holds the seconds that it takes to cut all reviews into tokens, to fit a vocabulary of 10,000 ids on 45,000 of
them and to encode all 50,000, with the texts in memory at the start; medians over the repeats, in which the candidates
take turns. `warm` is `build_dataset` whole: from the files of the cache to the encoded parts.

The candidates don't do quite the same. TextVectorization drops all punctuation, so that n't, !, ? and 10/10 are lost,
and leaves `br` as a word. tokenizers follows our rules (all but HTML entities), translated for its engine. Both work on
all cores, ours on one. Ours also keeps the last 200 tokens of each review and writes the cache that serves every other
split, vocabulary and length.

The second table holds the share of padding and the seconds for building all batches of one epoch of the 45,000.

`pip install tokenizers` (dependency group `bench`) is needed.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from sentiment_lab.config import ImdbData, SplitConfig, TextConfig
from sentiment_lab.data import tokenizer
from sentiment_lab.data.batching import training_batches
from sentiment_lab.data.corpus import load_corpus
from sentiment_lab.data.dataset import Part, build_dataset
from sentiment_lab.data.reviews import Corpus
from sentiment_lab.data.tokens import load_tokens
from sentiment_lab.data.vocabulary import PADDING, UNKNOWN, fit_vocabulary

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

TRAIN, VOCABULARY_SIZE, BATCH_SIZE = 45_000, 10_000, 64

Times = tuple[float, ...]
"""Seconds of the stages of a candidate."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="PATH", help="the reviews; default: where data=imdb looks for them")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        data = ImdbData(source="imdb", path=arguments.data, unlabelled=False, limit=None, expect=None)
        config = settings(data, max_length=200)
        corpus = load_corpus(data, Path(cache))
        build_dataset(config, Path(cache))
        candidates = {
            "sentiment_lab, cold": lambda: cold(corpus, config.text),
            "sentiment_lab, warm": lambda: stages(lambda: build_dataset(config, Path(cache))),
            "keras.layers.TextVectorization": lambda: text_vectorization(corpus.texts),
            "tokenizers, the same rules": lambda: word_level(corpus.texts),
        }
        print(versions(), end="\n\n")
        print_speed(interleaved(candidates, arguments.repeats))
        print_padding([build_dataset(settings(data, length), Path(cache)).train for length in (200, 400)])


def settings(data: ImdbData, max_length: int) -> SimpleNamespace:
    """Return the groups of a config that a dataset is built from."""
    return SimpleNamespace(
        data=data,
        split=SplitConfig(method="shuffled", train=TRAIN, validation=0, test=5_000, validation_is_test=True, seed=0),
        text=TextConfig(
            lowercase=True,
            vocabulary_size=VOCABULARY_SIZE,
            min_count=1,
            max_length=max_length,
            keep="last",
            padding="masked",
        ),
    )


def stages(*functions: Callable[[], object]) -> Times:
    times = [time.perf_counter()]
    for function in functions:
        function()
        times.append(time.perf_counter())
    return tuple(np.diff(times))


def cold(corpus: Corpus, text: TextConfig) -> Times:
    def fit() -> None:
        nonlocal table, vocabulary
        table = load_tokens(Path(empty), corpus.order_hash, lambda: corpus.texts, lowercase=text.lowercase)
        vocabulary = fit_vocabulary(table.words, table.counts(np.arange(TRAIN)), text)

    def encode() -> None:
        word_ids, _ = table.cut(np.arange(len(corpus.texts)), text.max_length, text.keep)
        vocabulary.encode(table.words)[word_ids]

    table = vocabulary = None
    with tempfile.TemporaryDirectory() as empty:
        return stages(fit, encode)


def text_vectorization(texts: Sequence[str]) -> Times:
    import keras
    import tensorflow as tf

    def fit() -> None:
        nonlocal reviews
        # Turning Python strings into a tensor is part of the work: all candidates start from the same list.
        reviews = tf.data.Dataset.from_tensor_slices(texts)
        layer.adapt(reviews.take(TRAIN).batch(512))

    reviews = None
    layer = keras.layers.TextVectorization(VOCABULARY_SIZE, ragged=True)
    return stages(fit, lambda: [layer(batch) for batch in reviews.batch(512)])


def word_level(texts: Sequence[str]) -> Times:
    import tokenizers
    from tokenizers import normalizers, pre_tokenizers, trainers

    cut = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token=UNKNOWN))
    replaced = {"\u2019": "'", "\u00b4": "'", "`": "'", "\u2026": "...", "\x85": "..."}
    cut.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(tokenizers.Regex(tokenizer._TAG.pattern), " "),
            *(normalizers.Replace(old, new) for old, new in replaced.items()),
            normalizers.Lowercase(),
            normalizers.Replace("n't", " n't"),
            normalizers.Replace("_", " "),
        ]
    )
    cut.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(oniguruma_pattern()), "removed", invert=True)
    trainer = trainers.WordLevelTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=[PADDING, UNKNOWN], show_progress=False
    )
    return stages(
        lambda: cut.train_from_iterator(texts[:TRAIN], trainer),
        lambda: [encoding.ids for encoding in cut.encode_batch_fast(texts, add_special_tokens=False)],
    )


def oniguruma_pattern() -> str:
    """Return our pattern without comments, white space and the escapes that the tokenizers' engine does not know."""
    pattern = re.sub(r"\s+#.*|\s+", "", tokenizer._TOKEN.pattern)
    return "(?i)" + re.sub(r"\\[uU]([0-9a-f]{4,8})", lambda escape: chr(int(escape[1], 16)), pattern)


def interleaved(candidates: dict[str, Callable[[], Times]], repeats: int) -> dict[str, Times]:
    """Return the median seconds of each stage of each candidate."""
    times: dict[str, list[Times]] = {name: [] for name in candidates}
    for repeat in range(repeats):
        for name, candidate in candidates.items():
            print(f"{name} {repeat + 1}/{repeats}", file=sys.stderr)
            times[name].append(candidate())
    return {name: tuple(map(statistics.median, zip(*runs, strict=True))) for name, runs in times.items()}


def versions() -> str:
    packages = ("numpy", "pandas", "keras", "tensorflow", "tokenizers")
    found = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    return f"Python {platform.python_version()}, {found}; {os.cpu_count()} cores"


def print_speed(times: dict[str, Times]) -> None:
    print("| 50,000 reviews | tokens and vocabulary (s) | encoding (s) | together (s) | times ours, cold |")
    print("| --- | --- | --- | --- | --- |")
    ours = sum(times["sentiment_lab, cold"])
    for name, spent in times.items():
        parts = [f"{seconds:.2f}" for seconds in spent] if len(spent) > 1 else ["", ""]
        print(f"| {name} | {' | '.join(parts)} | {sum(spent):.2f} | {sum(spent) / ours:.2f} |")
    print()


def print_padding(parts: list[Part]) -> None:
    print("| longest review (tokens) | batching | padding | building an epoch (s) |")
    print("| --- | --- | --- | --- |")
    for part in parts:
        for batching in ("similar_length", "shuffled"):
            batches = training_batches(part, BATCH_SIZE, batching, seed=0, epoch=1)
            start = time.perf_counter()
            cells = sum(batch.token_ids.size for batch in batches)
            seconds = time.perf_counter() - start
            share = 1 - batches.tokens / cells
            print(f"| {part.lengths.max()} | {batching} | {share:.1%} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
