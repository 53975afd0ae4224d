"""Film reviews from a grammar, whose labels depend on known words at a known distance.

A *plain* review expresses its opinion directly, several times among neutral sentences: counting words is enough.

A *turned* review has one opinion, the verdict, with which it ends. An earlier cue decides whether the verdict is
meant literally or as its opposite:

    My brother is always wrong about films. | The camera circles the table. So, | he calls the film superb.
    the cue turns                             a distance of 6 tokens              a positive verdict: a negative label

Exactly `data.distance` neutral tokens separate the last word of the cue from the first word of the verdict. Both kinds
of cue occur with both kinds of verdict equally often, so the label is their exclusive or: neither of them alone
predicts it, and no count of words or word pairs does. Neutral sentences before the cue bring the review to its length:
a network that reads forward has to retain the cue over the distance, and nothing for longer.

A review does not depend on the number of reviews. Two neighbours have both labels, and four consecutive turned reviews
have all four pairings of cue and verdict.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from sentiment_lab.config.settings import GeneratedData
from sentiment_lab.data.sources.source_data import Review, SourceData
from sentiment_lab.data.synthetic import grammar
from sentiment_lab.data.synthetic.sentences import SHORTEST, Draw, capitalize, express, film, neutral, opinion, size

_REVIEWS, _FILMS = 48, 8
"""Each 48 consecutive reviews are about 8 films: 6 reviews a film on average, of both labels."""
_TOKENS_PER_OPINION = 16
_DEVIATION = 0.4
"""Lengths are uniform within this share of the mean on either side of it."""
_BREAK = 0.4
"""Probability of a second paragraph."""
_EXCLAMATION = 0.15
"""Probability that a verdict ends with an exclamation mark."""


class Task(NamedTuple):
    """The label and the kind of a review."""

    label: int
    turned: bool
    reverses: bool
    """The cue turns the verdict into its opposite; of a turned review alone."""


def read_generated(data: GeneratedData) -> SourceData:
    """Generate the reviews of a config: text, label, film and official part."""
    reviews = [_review(data, "labelled", number) for number in range(data.reviews)]
    unlabelled = [_review(data, "unlabelled", number).text for number in range(data.unlabelled)]
    return SourceData(reviews, unlabelled)


def _review(data: GeneratedData, kind: str, number: int) -> Review:
    draw = Draw(data.seed, kind, number)
    task = _task(data, kind, number)
    film_number = number // _REVIEWS * _FILMS + draw.pick(range(_FILMS))
    about = film(data.seed, film_number)
    length = draw.whole(data.length * (1 - _DEVIATION), data.length * (1 + _DEVIATION))
    write = functools.partial(_turned, distance=data.distance) if task.turned else _plain
    # All reviews of a film are in one part.
    part = ("train", "test")[film_number % 2]
    origin = f"{kind} review {number}"
    return Review(write(draw, about, task, length), task.label, origin, f"film-{film_number:04d}", part)


def _task(data: GeneratedData, kind: str, number: int) -> Task:
    pair, second = divmod(number, 2)
    label = second ^ Draw(data.seed, kind, "pair", pair).chance(0.5)
    # Of the pairs up to this one, the share `turned` is turned, for every size of the corpus.
    turned_before = int(pair * data.turned)
    turned = int((pair + 1) * data.turned) > turned_before
    reverses = turned_before % 2 ^ Draw(data.seed, kind, "cues", turned_before // 2).chance(0.5)
    return Task(int(label), turned, bool(reverses))


def _plain(draw: Draw, about: dict[str, str], task: Task, length: int) -> str:
    opinions = [opinion(draw, about, task.label) for _ in range(max(1, round(length / _TOKENS_PER_OPINION)))]
    rest = _fill(draw, about, length - sum(map(size, opinions)))
    sentences = draw.shuffled(opinions + rest)
    return _joined(draw, sentences, len(sentences))


def _turned(draw: Draw, about: dict[str, str], task: Task, length: int, distance: int) -> str:
    kind = draw.pick(grammar.CUES)
    person, he, him = draw.pick(grammar.PEOPLE)
    cue = capitalize(draw.pick(kind.turns if task.reverses else kind.keeps).format(person=person))
    verdict = express(draw, draw.pick(kind.verdicts), task.label ^ task.reverses, he=he, him=him)
    between, lead_in = _between(draw, about, distance)
    mark = "!" if draw.chance(_EXCLAMATION) else "."
    before = _fill(draw, about, length - size(cue) - distance - size(verdict))
    return _joined(draw, [*before, cue, *between, capitalize(lead_in + verdict, mark)], len(before) + 1)


def _between(draw: Draw, about: dict[str, str], distance: int) -> tuple[list[str], str]:
    """Return neutral sentences and the first words of the verdict, `distance` words together."""
    if distance < SHORTEST:
        words = distance
    else:
        words = draw.pick([n for n in range(len(grammar.LEAD_INS)) if distance - n >= SHORTEST])
    sentences = neutral(draw, about, distance - words, grammar.IMPERSONAL)
    return sentences, f"{draw.pick(grammar.LEAD_INS[words])}, " if words else ""


def _fill(draw: Draw, about: dict[str, str], words: int) -> list[str]:
    return neutral(draw, about, words) if words >= SHORTEST else []


def _joined(draw: Draw, sentences: list[str], breakable: int) -> str:
    """Join sentences, sometimes with a paragraph break before one of the first `breakable`."""
    start = draw.pick(range(breakable)) if draw.chance(_BREAK) else 0
    paragraphs = (" ".join(sentences[:start]), " ".join(sentences[start:]))
    return "<br /><br />".join(paragraph for paragraph in paragraphs if paragraph)
