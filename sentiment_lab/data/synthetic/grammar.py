"""The words of the generated reviews: neutral clauses, opinions and cues.

`generator.py` combines them. Every list was written by hand for this project. The three kinds of text share no
word that carries their meaning: neutral clauses have no opinion and no cue, opinions rate a film, and cues state only
whether a later opinion is meant literally.

Neutral clauses are plain words: no apostrophe, no digit next to a sign, so that their words are their tokens.
"""

from __future__ import annotations

from typing import NamedTuple

GRAMMAR_VERSION = 1
"""Raised with every change of the texts of any settings: corpora cached under another version are not used."""


def _phrases(lines: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in lines.replace("\n", "|").split("|") if phrase.strip())


class Theme(NamedTuple):
    """Subjects and predicates that fit each other, and adjuncts that fit before or after them."""

    subjects: tuple[str, ...]
    predicates: tuple[str, ...]
    adjuncts: tuple[str, ...]


class Cue(NamedTuple):
    """An early statement about a later opinion, and the forms of that opinion.

    `keeps` leave the later opinion as it is, `turns` reverse it, `verdicts` express it.
    """

    keeps: tuple[str, ...]
    turns: tuple[str, ...]
    verdicts: tuple[str, ...]


class Opinions(NamedTuple):
    """The words of one polarity."""

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    ratings: tuple[str, ...]
    statements: tuple[str, ...]
    """Whole sentences, and frames with {opposite} for an adjective of the other polarity."""


_IN_A_SCENE = _phrases("""
    in the first half | near the end | after the wedding | before the storm | for a while | at this point
    later on | on the third day | just after midnight | in the meantime | by then | from time to time
    at one point | halfway through | during the trial | every now and then | in the second reel
    for almost ten minutes | while it rains outside | when the lights go out | before anyone else wakes up
    at the end of the summer
""")
_AS_A_FACT = _phrases("""
    as far as I know | according to the notes | as the credits say | if I remember it | as most people know by now
    like much of the period | at least in this version | for those who ask | to begin with | by all accounts
    in fact | as it happens | from what I have read
""")

_STORY = Theme(
    _phrases("""
        the story | the plot | the second act | the main thread | the opening chapter | the tale | the third part
        the longer of the two stories | the part about the miners
    """),
    _phrases("""
        skips a year | leaves the village | returns to the coast | crosses the border | begins in a harbour town
        follows two sisters and their lodger | moves between two cities | covers a single week in March
        turns to the trial of a clerk | jumps ahead by eleven years | goes back to the old railway station
        leaves the village for the coast | opens with a letter from abroad | takes place on a night ferry
        circles around a missing painting | stays with the baker and his son | follows a parcel from hand to hand
        has to do with a will | meets the other one on a bridge
    """),
    _IN_A_SCENE,
)
_CAMERA = Theme(
    _phrases("""
        the camera | the opening shot | the wide lens | the long tracking shot | the frame | the second camera
        the closing shot
    """),
    _phrases("""
        circles the table | climbs the stairs | leaves the room | stays near the faces | looks down from the roof
        follows a tram through the rain | waits behind a glass door | travels along an empty corridor
        rests on the kitchen table | shows the river from above | drifts past the market stalls
        moves from window to window | takes in the whole square | keeps to the left bank of the river
        finds a child with a kite
    """),
    _IN_A_SCENE,
)
_MUSIC = Theme(
    _phrases(
        "the score | the piano theme | the music | a slow waltz | the sound of the trains | a brass band | the song"
    ),
    _phrases("""
        fills the yard | follows the train | fades and returns | plays over the titles | comes in under the dialogue
        uses two cellos and a harp | repeats the same four notes | gives way to street noise
        stops before the doorbell rings | carries on into the next scene | takes up the song of the fishermen
        changes key when the train leaves
    """),
    _IN_A_SCENE,
)
_PLACE = Theme(
    _phrases("""
        the village | the hotel lobby | the house on the hill | the railway station | the old cinema | the courtroom
        the kitchen of the inn | the school
    """),
    _phrases("""
        was rebuilt indoors | faces the harbour | has two doors | was built in a warehouse
        is painted green and brown | belongs to a retired captain | looks out on the harbour
        appears in four of the scenes | was filmed in winter | is the same one as in the novel
        stands at the edge of a marsh | had to be moved by forty feet
    """),
    _AS_A_FACT,
)
_FILM = Theme(
    _phrases("the film | this film | the picture | {title} | the version on this disc"),
    _phrases("""
        comes with subtitles | runs for two hours | runs for about two hours | is set in the autumn of 1962
        was made for television | was shot in black and white | has three chapters and an epilogue
        is in two languages | is the second part of a trilogy | came out in the spring of 1987
        takes its name from a song | was once a play for the radio | is the first of six about this family
    """),
    _AS_A_FACT,
)
_CAST = Theme(
    _phrases("{lead} | {second} | the man in the lift | the younger sister | a clerk"),
    _phrases("""
        sells old umbrellas | plays the tailor | writes to Lisbon | plays a lighthouse keeper | appears as the widow
        speaks with a northern accent | wears the same grey coat | has the part of the younger brother
        sits across from the lawyer | reads a letter aloud | drives a yellow delivery van
        teaches chemistry at the school | carries a suitcase up the stairs | talks to the station master
        waits for a call from the embassy
    """),
    _IN_A_SCENE,
)
_CREW = Theme(
    _phrases("{director} | the director | the producer | the woman behind the camera"),
    _phrases("""
        wrote it alone | came from radio | shot it in order | shot most of it in a studio
        wrote the script with a cousin | worked on it for three years | filmed it on two islands
        cut the film at home | based it on a short novel | found the house by chance | comes from the theatre
        made nine others before this one | appears for a second as a waiter
    """),
    _AS_A_FACT,
)

IMPERSONAL = (_STORY, _CAMERA, _MUSIC, _PLACE, _FILM)
"""Themes between a cue and its verdict: no other person to whom the verdict's "he" or "they" could refer."""
THEMES = (*IMPERSONAL, _CAST, _CREW)

LEAD_INS = (
    (),
    _phrases("so | anyway | again | now"),
    _phrases("in short | in summary | so then | once more"),
    _phrases("to sum up | all in all | as I said | to be brief"),
    _phrases("when all is said | to keep it short | as I was saying | to come to that"),
)
"""First words of a verdict, by their number."""

CUES = (
    Cue(
        _phrases("my {person} is always right about films | I always agree with my {person}"),
        _phrases("my {person} is always wrong about films | I always disagree with my {person}"),
        _phrases("{he} calls the film {adjective} | to {him} it is a {noun} | {he} says that it is {adjective}"),
    ),
    Cue(
        _phrases("everyone says the same about it, and everyone is right | the whole town talks about it, and I agree"),
        _phrases(
            "everyone says the same about it, but everyone is wrong | the whole town talks about it, but I disagree"
        ),
        _phrases("they call it a {noun} | they find it {adjective} | people say that it is {adjective}"),
    ),
    Cue(
        _phrases("you can trust the poster | you can believe what the trailer says"),
        _phrases("you can't trust the poster | you can't believe what the trailer says"),
        _phrases("it promises a {noun} | it announces a {noun} | it says that the film is {adjective}"),
    ),
    Cue(
        _phrases("I do mean the last line of this review | take the last line of this review as it stands"),
        _phrases("I don't mean the last line of this review | don't take the last line of this review as it stands"),
        _phrases("the film is {adjective} | this is a {noun} | what we have here is a {noun}"),
    ),
)
PEOPLE = (
    *((person, "he", "him") for person in ("brother", "uncle", "barber", "landlord", "nephew", "grandfather")),
    *((person, "she", "her") for person in ("sister", "aunt", "dentist", "neighbour", "niece", "grandmother")),
)
"""Persons with an opinion, and their pronouns."""

ASPECTS = _phrases("""
    the acting | the script | the dialogue | the ending | the camera work | the soundtrack | the pace
    the direction | the cast | the humour | the whole thing | {lead} | the work of {director} | the last half hour
    {title}
""")
FRAMES = _phrases("""
    {aspect} is {adjective} | {aspect} is {adjective} and {other} | I {verb} {aspect} | what a {noun}!
    this film is a {noun} | I gave it {rating}/10 | {rating}/10 from me | {title} is simply {adjective}!
    I must say that {aspect} is {adjective} | for me it was a {noun} from start to finish | I {verb} it
    everything here is {adjective}, and {aspect} is {other} too | {aspect} is {adjective}, isn't it?
""")

POSITIVE_WORDS = Opinions(
    _phrases("""
        superb | wonderful | brilliant | moving | charming | gripping | delightful | masterful | touching | witty
        splendid | inspired | memorable | beautiful | excellent | terrific | marvellous | engaging | flawless
        graceful | fresh | clever | tender | thrilling
    """),
    _phrases("masterpiece | triumph | gem | joy | treat | delight | classic | revelation | pleasure | winner"),
    _phrases("loved | adored | admired | enjoyed | cherished"),
    _phrases("8 | 9 | 10"),
    _phrases("""
        I couldn't look away | you won't regret it | don't miss it! | who could ask for more?
        when can I see it again? | I laughed, I cried, and I would see it again tomorrow
        it isn't {opposite} for a moment | nothing about it is {opposite} | the audience rose and clapped
        I didn't want it to end
    """),
)
NEGATIVE_WORDS = Opinions(
    _phrases("""
        dreadful | boring | tedious | clumsy | awful | lifeless | terrible | stale | shallow | pointless | dull
        wooden | laughable | tiresome | lazy | forgettable | incoherent | bland | painful | ridiculous | flat | sloppy
        cold | annoying
    """),
    _phrases("mess | bore | disaster | failure | chore | mistake | disgrace | letdown | nuisance | flop"),
    _phrases("hated | disliked | endured | regretted | loathed"),
    _phrases("1 | 2 | 3"),
    _phrases("""
        I couldn't wait for it to end | you won't thank me for it | don't bother! | who approved this script?
        why did anyone finance this? | I yawned, I checked my watch, and I left before the credits
        it isn't {opposite} at all | nothing about it is {opposite} | the audience groaned and left
        I didn't laugh once
    """),
)

TITLES = (
    _phrases("""
        Silent | Northern | Second | Paper | Winter | Copper | Distant | Borrowed | Salt | Seventh | Crooked | Autumn
        Hidden | Wandering
    """),
    _phrases("""
        Harbour | Ledger | Orchard | Ferry | Lantern | Railway | Notebook | Island | Staircase | Mirror | Garden
        Weather | Passenger | Clock
    """),
)
NAMES = (
    _phrases("""
        Mara | Tobias | Ines | Ruben | Odile | Casper | Linnea | Anselm | Petra | Jory | Salome | Emeric | Thea
        Bastian | Wilma | Corin | Dagny | Leopold | Noor | Silvan
    """),
    _phrases("""
        Ellisdon | Vargay | Thornquist | Okell | Brandvold | Quarles | Hallowin | Destry | Marchbank | Ostrander
        Pellerin | Ravensby | Saltmarsh | Tolliver | Underhay | Wexcombe | Yarrowick | Zeller | Finnegrave | Kestrow
    """),
)
