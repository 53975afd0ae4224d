"""A Markdown page that keeps what people wrote in it, and blocks that a command writes anew.

A block stands between two comments, the first of which is the command that writes it:

    <!-- sentiment-lab compare --study architectures -->
    ...
    <!-- end -->

One that stands in a fence of three backquotes or tildes is an example, and stays as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import atomic_write

_START, _END = "<!-- sentiment-lab compare", "<!-- end -->"
_PIECE = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)"
    rf"|^<!-- (?P<command>sentiment-lab compare[^\r\n]*?) -->\r?\n(?:(?!^{_START}).)*?^{_END}",
    re.DOTALL | re.MULTILINE,
)


def commands_in(page: Path) -> list[str]:
    """Return the commands of a page's blocks, in order.

    Raises LabError where it cannot be read or holds none, and where a block has no end.
    """
    found = [match["command"] for match in _blocks(page, _read(page))]
    if not found:
        raise LabError(f"{page} holds no block; name hashes or --study, and its first one is written")
    return found


def check_page(page: Path) -> None:
    """Raise LabError where a page is there that cannot be read, or has a block without an end."""
    if page.exists():
        _blocks(page, _read(page))


def put_block(page: Path, command: str, title: str, text: str) -> None:
    """Write a block into a page, in place of the one of the same command, else at its end; a new page gets a title.

    Raises LabError where a block of the page has no end: what people wrote after it would be lost.
    """
    before = _read(page) if page.exists() else f"# {title}\n"
    newline = "\r\n" if "\r\n" in before else "\n"
    block = f"<!-- {command} -->\n{text}\n\n{_END}".replace("\n", newline)
    places = [match.span() for match in _blocks(page, before) if match["command"] == command]
    if places:
        start, end = places[0]
        whole = before[:start] + block + before[end:]
    else:
        whole = f"{before.rstrip()}{2 * newline}{block}{newline}"
    atomic_write(page, whole.encode())


def _blocks(page: Path, text: str) -> list[re.Match[str]]:
    broken = re.search(rf"^{_START}.*", _PIECE.sub("", text), re.MULTILINE)
    if broken:
        raise LabError(f"{page}: {broken.group().strip()} has no {_END}; write that line where the block shall end")
    return [match for match in _PIECE.finditer(text) if match["command"]]


def _read(page: Path) -> str:
    try:
        return page.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"--page {page} cannot be read: {error}") from error
