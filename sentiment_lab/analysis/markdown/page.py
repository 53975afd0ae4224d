"""A Markdown page with text by people, which stays, and blocks that a command rewrites.

A block is enclosed by two comments, the first of which contains the command that writes it:

    <!-- sentiment-lab compare --study architectures -->
    ...
    <!-- end -->

A block inside a fence of three backquotes or tildes is an example and stays unchanged.
"""

from __future__ import annotations

import re
from pathlib import Path

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_write

_START, _END = "<!-- sentiment-lab (?:compare|reproduce)", "<!-- end -->"
_PIECE = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)"
    rf"|^<!-- (?P<command>sentiment-lab (?:compare|reproduce)[^\r\n]*?) -->\r?\n(?:(?!^{_START}).)*?^{_END}",
    re.DOTALL | re.MULTILINE,
)


def commands_in(page: Path) -> list[str]:
    """Return the commands of a page's comparisons, in order; a reproduction is not repeated to rewrite its block.

    Raises LabError if the page cannot be read, has no block, or has a block without an end.
    """
    commands = [match["command"] for match in _blocks(page, _read(page))]
    commands = [command for command in commands if command.startswith("sentiment-lab compare")]
    if not commands:
        raise LabError(f"{page} has no block; name hashes or --study to write its first one")
    return commands


def check_page(page: Path) -> None:
    """Raise LabError if the page exists and cannot be read, or has a block without an end."""
    if page.exists():
        _blocks(page, _read(page))


def put_block(page: Path, command: str, title: str, text: str) -> None:
    """Write a block into a page: in place of the block of the same command, or at the end. A new page gets a title.

    Raises LabError if a block of the page has no end, because the text after it would be lost.
    """
    before = _read(page) if page.exists() else f"# {title}\n"
    newline = "\r\n" if "\r\n" in before else "\n"
    block = f"<!-- {command} -->\n{text}\n\n{_END}".replace("\n", newline)
    spans = [match.span() for match in _blocks(page, before) if match["command"] == command]
    if spans:
        start, end = spans[0]
        after = before[:start] + block + before[end:]
    else:
        after = f"{before.rstrip()}{2 * newline}{block}{newline}"
    atomic_write(page, after.encode())


def _blocks(page: Path, text: str) -> list[re.Match[str]]:
    broken = re.search(rf"^{_START}.*", _PIECE.sub("", text), re.MULTILINE)
    if broken:
        raise LabError(f"{page}: {broken.group().strip()} has no {_END}; add that line where the block ends")
    return [match for match in _PIECE.finditer(text) if match["command"]]


def _read(page: Path) -> str:
    try:
        return page.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"--page {page} cannot be read: {error}") from error
