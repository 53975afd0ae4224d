"""The folder of a trained model: its description, and the digests that detect damaged files.

`model.json` is written last and lists every other file with its SHA-256. It is read as data: nothing is imported or
called by a name in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment_lab.base.files import DamageError, check_files, file_digest, read_checksummed, write_checksummed

DESCRIPTION = "model.json"
FORMAT = 1
"""Version of the folder's layout."""


def write_description(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the description of a model whose other files are all written to `folder`."""
    files = {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.name != DESCRIPTION}
    write_checksummed(folder / DESCRIPTION, {"format": FORMAT, **settings, "files": files})


def read_description(folder: Path) -> dict[str, Any]:
    """Return the settings that `write_description` wrote.

    Raises DamageError naming the file where one is missing, damaged or of another format.
    """
    path = folder / DESCRIPTION
    description = read_checksummed(path)
    if description.pop("format", None) != FORMAT:
        raise DamageError(f"{path} must describe a model in format {FORMAT}")
    for problem in check_files(folder, description.pop("files")):
        raise DamageError(problem)
    return description
