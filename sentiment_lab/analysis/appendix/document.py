"""A Markdown page that keeps what people wrote in it, and blocks that a command writes anew.

A block stands between two comments, the first of which is the command that writes it:

    <!-- sentiment-lab compare --study architectures -->
    ...
    <!-- end -->
"""

from __future__ import annotations

import re
from pathlib import Path

from sentiment_lab.errors import LabError
from sentiment_lab.files import write_whole

_END = "<!-- end -->"
_BLOCK = re.compile(rf"<!-- (?P<command>sentiment-lab compare[^\n]*?) -->\n(?P<text>.*?){_END}", re.DOTALL)


def commands_in(page: Path) -> list[str]:
    """Return the commands of a page's blocks, in order.

    Raises LabError where it cannot be read or holds none.
    """
    found = [match["command"] for match in _BLOCK.finditer(_read(page))]
    if not found:
        raise LabError(f"{page} holds no block; name hashes or --study, and its first one is written")
    return found


def put_block(page: Path, command: str, title: str, text: str) -> None:
    """Write a block into a page, in place of the one of the same command, else at its end; a new page gets a title."""
    block = f"<!-- {command} -->\n{text}\n\n{_END}"
    before = _read(page) if page.exists() else f"# {title}\n"
    places = [match.span() for match in _BLOCK.finditer(before) if match["command"] == command]
    if places:
        start, end = places[0]
        whole = before[:start] + block + before[end:]
    else:
        whole = f"{before.rstrip()}\n\n{block}\n"
    write_whole(page, whole)


def _read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"--page {page} cannot be read: {error}") from error
