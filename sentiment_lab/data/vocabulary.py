"""The vocabulary of a model: words and their token ids."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.settings import TextConfig
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.tokenizer import tokenize

PADDING, UNKNOWN = "", "[UNK]"
"""The tokens with the ids 0 and 1; the tokenizer returns neither of them."""
PADDING_ID, UNKNOWN_ID = 0, 1

BEGINNING = 200
"""Characters in which `has_known_word` looks first."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids: 0 padding, 1 unknown, then words, the most frequent first.

    Raises DataError where the first two are other tokens or a token occurs twice.
    """

    tokens: list[str]

    def __post_init__(self) -> None:
        if self.tokens[:2] != [PADDING, UNKNOWN]:
            raise DataError(f"a vocabulary must begin with {[PADDING, UNKNOWN]}, got {self.tokens[:2]}")
        twice = [token for index, token in enumerate(self.tokens) if self._ids[token] != index]
        if twice:
            raise DataError(f"a vocabulary must hold each token once, got {twice[0]!r} more than once")

    @property
    def size(self) -> int:
        """Number of token ids, padding and unknown included."""
        return len(self.tokens)

    @property
    def digest(self) -> str:
        """SHA-256 of the tokens in order."""
        return hashlib.sha256(json.dumps(self.tokens).encode()).hexdigest()

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.tokens)}

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def encode(self, words: Iterable[str]) -> NDArray[np.int32]:
        """Return the token id of each word: (words,), 1 for those that are not in the vocabulary."""
        return np.fromiter(map(self._ids.get, words, itertools.repeat(self._ids[UNKNOWN])), np.int32)

    def write(self, path: Path) -> None:
        """Write the tokens to `path`: a JSON list with one token a line."""
        path.write_text(json.dumps(self.tokens, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Read the tokens that `write` wrote; raises DataError naming the file where it is not such a list."""
        try:
            tokens = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} must be a JSON list of tokens: {error}") from error
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise DataError(f"{path} must be a JSON list of tokens, got something else")
        try:
            return cls(tokens)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


def has_known_word(text: str, known: Container[str], *, lowercase: bool) -> bool:
    """Whether a token of the text with a letter or a digit is known.

    Almost every text has one near its beginning, so that few texts are tokenized to their end.
    """
    beginning = text[:BEGINNING].rpartition(" ")[0]
    return any(
        word in known and any(map(str.isalnum, word))
        for part in (beginning, text)
        for word in tokenize(part, lowercase=lowercase)
    )


def fit_vocabulary(words: Sequence[str], counts: NDArray[np.int64], text: TextConfig) -> Vocabulary:
    """Return the most frequent words as a vocabulary of at most `text.vocabulary_size` token ids.

    `counts` (words,) are the occurrences of the `words`, which are in alphabetical order, in the training part; of
    equally frequent words the earlier comes first. Raises ConfigError where none reaches `text.min_count`.
    """
    order = np.argsort(-counts, kind="stable")
    candidates = order[counts[order] >= text.min_count][: text.vocabulary_size - 1]
    frequent = [words[index] for index in candidates.tolist() if words[index] != UNKNOWN]
    if not frequent:
        problem = (
            "text.min_count must be at most the count of the most frequent word of the training part, "
            f"got {text.min_count}"
        )
        raise ConfigError([problem])
    return Vocabulary([PADDING, UNKNOWN, *frequent[: text.vocabulary_size - 2]])
