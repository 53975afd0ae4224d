r"""From the text of a review to its tokens.

Tokens are the carriers of sentiment: words, n't, ratings such as 10/10, the signs ! and ?, the ellipsis, runs of stars,
emoticons and emoji. Other punctuation, single stars, underscores and markup are dropped.

>>> tokenize("Didn't like it, can't recommend it. It's bad!!")
['did', "n't", 'like', 'it', 'ca', "n't", 'recommend', 'it', 'it', "'s", 'bad', '!', '!']
>>> tokenize("8.5/10, 10/10 or 9 out of 10? Sold 1,000,000 in the 80's")
['8.5/10', '10/10', 'or', '9', 'out', 'of', '10', '?', 'sold', '1,000,000', 'in', 'the', '80', "'s"]
>>> tokenize("Well-made.<br /><br />But <i>so</i> slow ..... **SPOILER** ** out of ****")
['well', 'made', 'but', 'so', 'slow', '...', '**', 'spoiler', '**', '**', 'out', 'of', '****']
>>> tokenize("a *not* _very_ 'good' Amélie :-) &quot;ok&quot;")
['a', 'not', 'very', 'good', 'amélie', ':-)', 'ok']
>>> tokenize("They\u2019ve said \u201cDON\u00b4T\u201d\u2026", lowercase=False)
['They', "'ve", 'said', 'DO', "N'T", '...']

A text may have no token:

>>> tokenize("- - <br />")
[]

Contractions are split as in the Penn Treebank (Marcus et al. 1993).
"""

from __future__ import annotations

import html
import re

TOKENIZER_VERSION = 1
"""Raised with every change of the result of `tokenize`: tokens cached under another version are not used."""

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")

# Each alternative begins with a literal or a class, so that `re` rejects most of them quickly: \w\w* in place of \w+
# takes a fifth less time. The lookbehinds limit one run of dots or stars to one token.
_TOKEN = re.compile(
    r"""
      n't\b
    | \d\d* (?: [.,/] \d+ )+                   # 10/10, 7.5/10, 1,000
    | \w\w*
    | ' (?: s | ve | re | ll | d | m ) \b
    | [!?\u2600-\u27bf\U0001f300-\U0001faff]    # the ranges are emoji
    | \. (?<! \.\. ) \.{1,2}                    # two or more dots
    | \* (?<! \*\* ) \*{1,4} (?! \* )           # two to five stars; more are a dividing line
    | [;:] -? [()dp] (?! \w )                   # :) ;-) :D
    """,
    re.VERBOSE | re.IGNORECASE,
)


def tokenize(text: str, *, lowercase: bool = True) -> list[str]:
    """Return the tokens of a text, in order; none of them is empty or contains white space."""
    text = _TAG.sub(" ", html.unescape(text))
    text = text.replace("\u2019", "'").replace("\u00b4", "'").replace("`", "'")
    # IMDB's files have U+0085 where the author's Windows-1252 text had an ellipsis.
    text = text.replace("\u2026", "...").replace("\x85", "...")
    if lowercase:
        text = text.lower()
    # Splitting off n't first keeps \w+ simple; looking for it at every letter takes half as long again.
    text = text.replace("n't", " n't").replace("N'T", " N'T").replace("_", " ")
    return _TOKEN.findall(text)
