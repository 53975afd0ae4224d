"""Files that operating systems, editors and other tools leave in folders and archives."""

from __future__ import annotations

_NAMES = {
    "__macosx",
    "icon\r",
    "desktop.ini",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "@eadir",
    "#recycle",
    "__pycache__",
}


def is_system_file(name: str) -> bool:
    """Whether a file's name, relative to its folder or archive, shows that it is not part of the data.

    Such are hidden files (.DS_Store, ._*, .ipynb_checkpoints/), the files of Windows and macOS (desktop.ini, Thumbs.db,
    __MACOSX/), and locks and copies of editors (~$*, *~, #*#).
    """
    return any(
        part.startswith((".", "~$"))
        or part.endswith(("~", ":Zone.Identifier"))
        or (part.startswith("#") and part.endswith("#"))
        or part.lower() in _NAMES
        for part in name.split("/")
        if part not in (".", "..")
    )
