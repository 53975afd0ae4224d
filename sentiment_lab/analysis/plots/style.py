"""Charts as SVG text that takes its colours and its font from the page, and that is the same whenever it is drawn."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#010203", "#010204", "#010205", "#010206"
TRAIN, HELD_OUT = "#010207", "#010208"
"""Colours that nothing else has: the page's own take their place, so that a chart is right in light and in dark."""

LINES = ("#010208", "#010207", "#010209", "#01020a", "#01020b", "#01020c", "#01020d")
"""Lines of one chart, in order."""

ROLES = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper", TRAIN: "train", HELD_OUT: "held-out"} | {
    colour: f"line-{number}" for number, colour in enumerate(LINES[2:], 3)
}
LIGHT = {
    "ink": "#1b1d21",
    "muted": "#5b6069",
    "grid": "#e1e3e8",
    "paper": "#ffffff",
    "train": "#c8323c",
    "held-out": "#1f63b4",
    "line-3": "#15804f",
    "line-4": "#8146b3",
    "line-5": "#8f6200",
    "line-6": "#0d7c8c",
    "line-7": "#8a4b52",
}
"""Red and blue are those of the figures of one run."""
DARK = {
    "ink": "#e8eaed",
    "muted": "#a8afba",
    "grid": "#363b44",
    "paper": "#15171b",
    "train": "#ff7f87",
    "held-out": "#74b3ff",
    "line-3": "#5fd39b",
    "line-4": "#cba6f7",
    "line-5": "#e3b341",
    "line-6": "#56d0de",
    "line-7": "#e0a3aa",
}

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sentiment_lab",
    "text.parse_math": False,
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_NOTHING = {"Date": None, "Creator": None, "Format": None, "Type": None}
_XML = 'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True)
class Chart:
    """One drawing: its name, what it shows in words and numbers, and the inside of its SVG element."""

    name: str
    alt: str
    width: int
    height: int
    content: str

    @property
    def inline(self) -> Markup:
        """The element for a page that defines the colours."""
        frame = Markup('<svg role="img" aria-label="{}" viewBox="0 0 {} {}" style="max-width:{}px">{}</svg>')
        content = Markup(self.content)  # noqa: S704  # matplotlib has escaped its texts
        return frame.format(self.alt, self.width, self.height, round(1.25 * self.width), content)

    @property
    def standalone(self) -> str:
        """The whole file, with colours of its own for light and dark."""
        light, dark = (";".join(f"--{role}:{value}" for role, value in colours.items()) for colours in (LIGHT, DARK))
        style = f":root{{{light};background:var(--paper)}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        title = f"<title>{escape(self.alt)}</title>"
        return f'<svg role="img" {_XML} {size}>{title}<style>{style}</style>{self.content}</svg>\n'


@contextmanager
def drawing() -> Iterator[None]:
    """Draw as the page needs it."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's own fonts show what is not in the font by which texts are measured here.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        yield


def build_figure(width: int, height: int) -> Figure:
    """Return an empty figure of a size in pixels of the page."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def add_axes(figure: Figure, left: int, bottom: int, right: int, top: int) -> Axes:
    """Add axes whose sides lie so many pixels from the left and the bottom of the figure."""
    width, height = figure.get_size_inches() * 72
    axes = figure.add_axes((left / width, bottom / height, (right - left) / width, (top - bottom) / height))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9)
    return axes


def build_chart(name: str, alt: str, figure: Figure) -> Chart:
    """Return a figure as SVG without what the page gives, such as colours and fonts, and without idle ids."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_NOTHING)
    text = _FRAME.sub("", file.getvalue())
    text = re.sub(r"font: ((?:bold )?[\d.]+px) [^;\"]*", r"font: \1 var(--font, sans-serif)", text)
    for sentinel, role in ROLES.items():
        text = text.replace(sentinel, f"var(--{role})")
    width, height = (round(72 * float(inches)) for inches in figure.get_size_inches())
    return Chart(name, alt, width, height, re.sub(r"\s*\n\s*", " ", _own_ids(text, name)))


_FRAME = re.compile(r"^.*?<svg[^>]*>|</svg>\s*$|<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL)


def shorten(text: str, most: int) -> str:
    """Return a text of at most so many characters that can be drawn."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def _own_ids(text: str, name: str) -> str:
    """Drop the ids that nothing refers to, and make the others this chart's own: a page holds many charts."""
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", text))
    text = re.sub(r' id="([\w.-]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", text)
    return re.sub(r"(url\(|href=\")#", rf"\g<1>#{name}-", text)
