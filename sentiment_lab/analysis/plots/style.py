"""Style of all charts, and charts as SVG text: colours and font come from the page, equal input gives equal text."""

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
"""Placeholder colours, replaced in the SVG by the page's own, so that a chart fits a light and a dark page."""

LINES = ("#010208", "#010207", "#010209", "#01020a", "#01020b", "#01020c", "#01020d")
"""Placeholder colours of the lines in one chart, in order."""

BEHIND_TEXT = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
"""Box behind a text, so that no line runs through it."""

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
"""Colours of a light page, and of the figures of one run. Red and blue differ in lightness for colour-blind readers."""
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
    """One chart: its name, a description in words and numbers, size in pixels, and the content of its SVG element."""

    name: str
    alt: str
    width: int
    height: int
    content: str

    @property
    def inline(self) -> Markup:
        """The SVG element for a page that defines the colours."""
        frame = Markup('<svg role="img" aria-label="{}" viewBox="0 0 {} {}" style="max-width:{}px">{}</svg>')
        content = Markup(self.content)  # noqa: S704  # matplotlib escapes its texts
        return frame.format(self.alt, self.width, self.height, round(1.25 * self.width), content)

    @property
    def standalone(self) -> str:
        """The content of an SVG file with its own colours for light and dark."""
        light, dark = (";".join(f"--{role}:{value}" for role, value in colours.items()) for colours in (LIGHT, DARK))
        style = f":root{{{light};background:var(--paper)}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        title = f"<title>{escape(self.alt)}</title>"
        return f'<svg role="img" {_XML} {size}>{title}<style>{style}</style>{self.content}</svg>\n'


@contextmanager
def default_style() -> Iterator[None]:
    """Draw charts with matplotlib's own settings within this context, independent of the user's `matplotlibrc`."""
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


@contextmanager
def svg_style() -> Iterator[None]:
    """Draw charts for SVG within this context."""
    with default_style(), warnings.catch_warnings():
        mpl.rcParams.update(_STYLE)
        # Glyphs that are missing in the font that measures texts here are shown by the reader's own fonts.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        yield


def build_figure(width: int, height: int) -> Figure:
    """Return an empty figure with a size in pixels of the page."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def add_axes(figure: Figure, left: int, bottom: int, right: int, top: int) -> Axes:
    """Add axes whose sides are at these distances in pixels from the left and the bottom of the figure."""
    width, height = figure.get_size_inches() * 72
    axes = figure.add_axes((left / width, bottom / height, (right - left) / width, (top - bottom) / height))
    style_axes(axes, GRID)
    axes.tick_params(length=0, labelsize=9)
    return axes


def style_axes(axes: Axes, grid: str) -> None:
    """Draw axes without a frame, with a grid of this colour behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=grid, linewidth=0.8)
    axes.set_axisbelow(True)


def build_chart(name: str, alt: str, figure: Figure) -> Chart:
    """Return a figure as SVG without colours and fonts, which the page defines, and without unused ids."""
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
    """Return a printable text of at most `most` characters."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"


def _own_ids(text: str, name: str) -> str:
    """Remove unused ids, and prefix the others with the chart's name: a page contains many charts."""
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", text))
    text = re.sub(r' id="([\w.-]+)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    return re.sub(r"(url\(|href=\")#", rf"\g<1>#{name}-", text)
