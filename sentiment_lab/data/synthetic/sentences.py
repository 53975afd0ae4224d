"""Sentences from the grammar: neutral ones of an exact length, and ones with an opinion."""

from __future__ import annotations

import functools
import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from sentiment_lab.data.reviews import NEGATIVE, POSITIVE
from sentiment_lab.data.synthetic import grammar
from sentiment_lab.data.synthetic.grammar import THEMES, Theme

T = TypeVar("T")

SHORTEST, _LONGEST = 5, 12
"""Words of a neutral clause; every length in between occurs."""
_JOINED = 0.3
_FIXED_STATEMENT = 0.25
_OPINIONS = {POSITIVE: grammar.POSITIVE_WORDS, NEGATIVE: grammar.NEGATIVE_WORDS}


class Draw:
    """Random choices that are equal in all versions of Python, which guarantee that for `random()` alone."""

    def __init__(self, *name: object) -> None:
        self._random = random.Random(" ".join(map(str, name))).random  # noqa: S311

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, each equally likely."""
        return choices[int(self._random() * len(choices))]

    def whole(self, low: float, high: float) -> int:
        """Return a whole number, uniform between `low` and `high`."""
        return round(low + self._random() * (high - low))

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in random order."""
        keys = [self._random() for _ in items]
        return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]


class _Clause(NamedTuple):
    """A predicate with its possible subjects and adjuncts, for clauses of one number of words."""

    subjects: list[str]
    predicate: str
    adjuncts: list[str]


@functools.lru_cache(maxsize=4096)
def film(seed: int, number: int) -> dict[str, str]:
    """Return the names in a film's reviews: `title`, of three words; `director`, `lead` and `second`, of two."""
    draw = Draw(seed, "film", number)
    title = f"The {draw.pick(grammar.TITLES[0])} {draw.pick(grammar.TITLES[1])}"
    names = {
        who: f"{draw.pick(grammar.NAMES[0])} {draw.pick(grammar.NAMES[1])}" for who in ("director", "lead", "second")
    }
    return {"title": title, **names}


def size(text: str) -> int:
    """Return the number of tokens of a sentence: words, n't, ! and ?."""
    return len(text.split()) + text.count("n't") + text.count("!") + text.count("?")


def capitalize(sentence: str, mark: str = ".") -> str:
    """Return a sentence with a capital letter and, where it has none yet, an end mark."""
    return sentence[0].upper() + sentence[1:] + ("" if sentence.endswith(("!", "?")) else mark)


def neutral(draw: Draw, about: dict[str, str], words: int, themes: tuple[Theme, ...] = THEMES) -> list[str]:
    """Return sentences without an opinion, of exactly `words` words together: 0, or SHORTEST and more."""
    clauses = _clauses(themes)
    sentences: list[str] = []
    joins = False
    while words:
        length = draw.pick(_lengths(words))
        clause = _clause(draw, clauses[length]).format_map(about)
        sentences.append(f"{sentences.pop()}, and {clause}" if joins else clause)
        words -= length
        joins = not joins and words > SHORTEST and draw.chance(_JOINED)
        words -= joins
    return [capitalize(sentence) for sentence in sentences]


def opinion(draw: Draw, about: dict[str, str], label: int) -> str:
    """Return a sentence with an opinion of the film."""
    if draw.chance(_FIXED_STATEMENT):
        opposite = _OPINIONS[1 - label].adjectives
        return capitalize(draw.pick(_OPINIONS[label].statements).format(opposite=draw.pick(opposite)))
    aspect = draw.pick(grammar.ASPECTS).format_map(about)
    return capitalize(express(draw, draw.pick(grammar.FRAMES), label, aspect=aspect, **about))


def express(draw: Draw, frame: str, label: int, **names: str) -> str:
    """Return the frame filled with words of an opinion."""
    words = _OPINIONS[label]
    adjective = draw.pick(words.adjectives)
    return frame.format(
        adjective=adjective,
        other=draw.pick([word for word in words.adjectives if word != adjective]),
        noun=draw.pick(words.nouns),
        verb=draw.pick(words.verbs),
        rating=draw.pick(words.ratings),
        **names,
    )


def _clause(draw: Draw, kinds: list[_Clause]) -> str:
    kind = draw.pick(kinds)
    core = f"{draw.pick(kind.subjects)} {kind.predicate}"
    if not kind.adjuncts:
        return core
    adjunct = draw.pick(kind.adjuncts)
    return f"{adjunct}, {core}" if draw.chance(0.5) else f"{core} {adjunct}"


@functools.cache
def _lengths(words: int) -> tuple[int, ...]:
    """Return the clause lengths that leave no words or enough for another clause."""
    return tuple(n for n in range(SHORTEST, _LONGEST + 1) if n == words or words - n >= SHORTEST)


@functools.cache
def _clauses(themes: tuple[Theme, ...]) -> dict[int, list[_Clause]]:
    """Return the kinds of clauses by their number of words."""
    kinds: dict[int, list[_Clause]] = defaultdict(list)
    for theme in themes:
        adjuncts = {0: [], **_by_words(theme.adjuncts)}
        for predicate, subject, adjunct in itertools.product(theme.predicates, _by_words(theme.subjects), adjuncts):
            words = subject + _words(predicate) + adjunct
            kinds[words].append(_Clause(_by_words(theme.subjects)[subject], predicate, adjuncts[adjunct]))
    return kinds


def _by_words(phrases: tuple[str, ...]) -> dict[int, list[str]]:
    by_words: dict[int, list[str]] = defaultdict(list)
    for phrase in phrases:
        by_words[_words(phrase)].append(phrase)
    return by_words


def _words(phrase: str) -> int:
    return len(phrase.format_map(film(0, 0)).split())
