"""HuggingFace tokenizers at word level, with our rules (except HTML entities) translated for its engine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import tokenizers
from tokenizers import normalizers, pre_tokenizers, trainers

from benchmarks.protocol import serve
from benchmarks.reviews import load_texts
from sentiment_lab.data import tokenizer
from sentiment_lab.data.vocabulary import PADDING, UNKNOWN

REPLACED = {"\u2019": "'", "\u00b4": "'", "`": "'", "\u2026": "...", "\x85": "..."}


def build(settings: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load the texts; a request fits and encodes."""
    texts = load_texts(settings).texts

    def measure() -> dict[str, Any]:
        word_level, special = _tokenizer(), [PADDING, UNKNOWN]
        size = settings["vocabulary_size"]
        trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=False)
        started = time.perf_counter()
        word_level.train_from_iterator(texts[: settings["train"]], trainer)
        fitted = time.perf_counter()
        for encoding in word_level.encode_batch_fast(texts, add_special_tokens=False):
            encoding.ids  # noqa: B018  # computed on access
        ended = time.perf_counter()
        return {"fit": fitted - started, "encode": ended - fitted, "seconds": ended - started}

    return measure


def _tokenizer() -> tokenizers.Tokenizer:
    word_level = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token=UNKNOWN))
    word_level.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(tokenizers.Regex(tokenizer._TAG.pattern), " "),
            *(normalizers.Replace(old, new) for old, new in REPLACED.items()),
            normalizers.Lowercase(),
            normalizers.Replace("n't", " n't"),
            normalizers.Replace("_", " "),
        ]
    )
    word_level.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex(_oniguruma_pattern()), "removed", invert=True)
    return word_level


def _oniguruma_pattern() -> str:
    """Return our pattern without comments, white space and escapes that the engine of tokenizers does not support."""
    pattern = re.sub(r"\s+#.*|\s+", "", tokenizer._TOKEN.pattern)
    return "(?i)" + re.sub(r"\\[uU]([0-9a-f]{4,8})", lambda escape: chr(int(escape[1], 16)), pattern)


if __name__ == "__main__":
    serve(build)
