"""The folder of a trained model: its description, and the digests by which a damaged file is recognised.

`model.json` is written last and lists every other file with its SHA-256; a digest of
its own covers the rest of it. All of it is read as data: nothing is imported or called by a name found there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DESCRIPTION = "model.json"
FORMAT = 1
"""Version of the folder's layout."""


def write_description(folder: Path, settings: Mapping[str, Any]) -> None:
    """Describe the model whose files lie in `folder`; call it when all of them are written."""
    files = {path.name: _file_digest(path) for path in sorted(folder.iterdir()) if path.name != DESCRIPTION}
    description = {"format": FORMAT, **settings, "files": files}
    sealed = {**description, "digest": _digest(description)}
    (folder / DESCRIPTION).write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """Return the settings that `write_description` was given.

    Raises ValueError naming the file where one is missing, damaged or of another format.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"{path} must describe a model in format {FORMAT}")
    if description.pop("digest", None) != _digest(description):
        raise ValueError(f"{path} is damaged: its digest does not fit")
    del description["format"]
    for name, digest in description.pop("files").items():
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing")
        if _file_digest(folder / name) != digest:
            raise ValueError(f"{folder / name} is damaged: its digest does not fit {path}")
    return description


def _digest(description: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
