"""A whole corpus as tokens, which is tokenized once and kept in the cache.

Nothing here depends on a split or a vocabulary: runs that differ only in those, or in `text.max_length` and
`text.keep`, share one entry of the cache. Only a change of the reviews or of the tokenizer needs another.
"""

from __future__ import annotations

import itertools
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiment_lab.data.cache import TOKENS, CacheEntry, entry_folder
from sentiment_lab.data.token_sequences import TokenSequences
from sentiment_lab.data.tokenizer import TOKENIZER_VERSION, tokenize
from sentiment_lab.data.vocabulary import UNKNOWN

_WORDS, _WORD_IDS, _OFFSETS = "words.txt", "word_ids.npy", "offsets.npy"


class TokenizedTexts(NamedTuple):
    """Texts as indices into a list of words; a text without a token is a single unknown word."""

    words: list[str]
    """Distinct tokens in alphabetical order."""
    sequences: TokenSequences
    """Whose ids are indices into `words`."""


def tokenize_texts(texts: Iterable[str], *, lowercase: bool) -> TokenizedTexts:
    """Split texts into tokens and number the words."""
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    tokens, offsets = array("i"), array("q", [0])
    for text in texts:
        tokens.fromlist([numbers[token] for token in tokenize(text, lowercase=lowercase) or [UNKNOWN]])
        offsets.append(len(tokens))
    words = sorted(numbers)
    ranks = np.empty(len(words), np.int32)
    ranks[np.fromiter(map(numbers.__getitem__, words), np.int64)] = np.arange(len(words))
    return TokenizedTexts(words, TokenSequences(ranks[np.asarray(tokens)], np.array(offsets, np.int64)))


def load_tokens(
    cache: Path, texts_hash: str, load_texts: Callable[[], Iterable[str]], *, lowercase: bool
) -> TokenizedTexts:
    """Return the tokens of texts from the cache, with memory-mapped ids; tokenize the texts where it lacks them.

    `texts_hash` stands for the texts and their order; they are loaded only where they must be tokenized. Raises
    DataError where the cache folder cannot be written.
    """
    # What a letter is and how it is lower-cased comes from Python's own copy of the Unicode database.
    versions = {"tokenizer": TOKENIZER_VERSION, "unicode": unicodedata.unidata_version}
    entry = CacheEntry(
        entry_folder(cache, TOKENS, texts=texts_hash, lowercase=lowercase, **versions),
        (_WORDS, _WORD_IDS, _OFFSETS),
        lambda: tokenize_texts(load_texts(), lowercase=lowercase),
        _write,
    )
    # Not splitlines(), which also splits at U+0085, U+2028 and others.
    words = entry.content(_WORDS).decode().split("\n")
    word_ids = np.load(entry.path(_WORD_IDS), mmap_mode="r")
    return TokenizedTexts(words, TokenSequences(word_ids, np.load(entry.path(_OFFSETS))))


def _write(tokenized: TokenizedTexts, folder: Path) -> None:
    (folder / _WORDS).write_bytes("\n".join(tokenized.words).encode())
    np.save(folder / _WORD_IDS, tokenized.sequences.ids)
    np.save(folder / _OFFSETS, tokenized.sequences.offsets)
