"""A whole corpus as tokens, cut once and kept in the cache.

Nothing here depends on a split or a vocabulary: runs that differ only in those, or in `text.max_length` and
`text.keep`, share one table of tokens, and only a change of the reviews or of the tokenizer needs another.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import shutil
import tempfile
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiment_lab.data.tokenizer import TOKENIZER_VERSION, tokenize
from sentiment_lab.data.vocabulary import UNKNOWN

_WORDS, _WORD_IDS, _OFFSETS, _DIGESTS = "words.txt", "word_ids.npy", "offsets.npy", "digests.json"
_PIECE = 1_000_000  # tokens

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class TokenTable:
    """The tokens of texts as numbers into a list of words. Text i has word_ids[offsets[i]:offsets[i + 1]].

    No text is without a token, for the fused GPU kernels refuse an empty row: one that the tokenizer finds nothing in
    stands as a single unknown word.
    """

    words: list[str]
    """Distinct tokens in alphabetical order."""
    word_ids: NDArray[np.int32]
    """(tokens,), memory-mapped where they come from the cache."""
    offsets: NDArray[np.int64]
    """(texts + 1,)"""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return int(np.diff(self.offsets).max(initial=1))

    def counts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how often each word stands in the texts `rows`: (words,)."""
        chosen = np.zeros(len(self.offsets) - 1, np.bool_)
        chosen[rows] = True
        counted = np.repeat(chosen, np.diff(self.offsets))
        counts = np.zeros(len(self.words), np.int64)
        # In pieces, for bincount works on an int64 copy: one of 90 MB takes ten times as long to allocate as to count.
        for start in range(0, len(counted), _PIECE):
            piece = slice(start, start + _PIECE)
            counts += np.bincount(self.word_ids[piece][counted[piece]], minlength=len(self.words))
        return counts

    def cut(
        self, rows: NDArray[np.int64], max_length: int, keep: Literal["last", "first"]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the word ids (tokens,) and offsets (rows + 1,) of the texts `rows`, each at its first or last tokens.

        `rows` must ascend.
        """
        lengths = np.diff(self.offsets)
        kept = np.zeros_like(lengths)
        kept[rows] = np.minimum(lengths[rows], max_length)
        # Each text is a run of tokens to drop and a run to keep, in the order that `keep` says.
        runs = np.stack([lengths - kept, kept] if keep == "last" else [kept, lengths - kept], axis=1)
        wanted = np.tile([keep == "first", keep == "last"], len(lengths))
        offsets = np.concatenate([[0], np.cumsum(kept[rows])])
        return self.word_ids[np.repeat(wanted, runs.ravel())], offsets


def tokenize_texts(texts: Iterable[str], *, lowercase: bool) -> TokenTable:
    """Cut texts into tokens and number the words."""
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    tokens, offsets = array("i"), array("q", [0])
    for text in texts:
        tokens.fromlist([numbers[token] for token in tokenize(text, lowercase=lowercase) or [UNKNOWN]])
        offsets.append(len(tokens))
    words = sorted(numbers)
    places = np.empty(len(words), np.int32)
    places[np.fromiter(map(numbers.__getitem__, words), np.int64)] = np.arange(len(words))
    return TokenTable(words, places[np.asarray(tokens)], np.array(offsets, np.int64))


def load_tokens(
    cache: Path, texts_hash: str, load_texts: Callable[[], Iterable[str]], *, lowercase: bool
) -> TokenTable:
    """Return the tokens of texts from the cache; where they are not there, cut the texts and put them there.

    `texts_hash` stands for the texts and their order; they are loaded only where they must be cut. What is put into
    the cache is put there whole or not at all, also by several processes at once.
    """
    # What a letter is and how it is lower-cased comes from Python's own copy of the Unicode database.
    settings = f"{texts_hash} {lowercase} {TOKENIZER_VERSION} {unicodedata.unidata_version}"
    folder = cache / "tokens" / hashlib.sha256(settings.encode()).hexdigest()[:32]
    table = _read(folder)
    if table is None:
        if folder.exists():
            log.warning("%s is damaged; its tokens are cut again", folder)
            shutil.rmtree(folder, ignore_errors=True)
        table = tokenize_texts(load_texts(), lowercase=lowercase)
        _write(table, folder)
    return table


def _write(table: TokenTable, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name[:8]}-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        (made / _WORDS).write_bytes("\n".join(table.words).encode())
        np.save(made / _WORD_IDS, table.word_ids)
        np.save(made / _OFFSETS, table.offsets)
        (made / _DIGESTS).write_text(json.dumps(_digests(made)), encoding="utf-8")
        try:
            made.rename(folder)
        except OSError:
            # Another process has put the same tokens there first.
            if not folder.is_dir():
                raise


def _read(folder: Path) -> TokenTable | None:
    """Return the tokens in `folder`, or None where they are missing, truncated or otherwise damaged."""
    try:
        if json.loads((folder / _DIGESTS).read_text(encoding="utf-8")) != _digests(folder):
            return None
        # Not splitlines(), which also cuts at U+0085, U+2028 and others.
        words = (folder / _WORDS).read_bytes().decode().split("\n")
        return TokenTable(words, np.load(folder / _WORD_IDS, mmap_mode="r"), np.load(folder / _OFFSETS))
    except (OSError, ValueError):
        return None


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for name in (_WORDS, _WORD_IDS, _OFFSETS):
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
