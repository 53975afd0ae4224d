"""A folder of text files for each class, as `keras.utils.text_dataset_from_directory` reads it.

    FOLDER/pos/*.txt, FOLDER/neg/*.txt       also in subfolders of these
    FOLDER/train/pos/*.txt, FOLDER/test/...  the same for each part

The texts are sorted by their digests, because the order of files has no meaning: a shuffle that depends on the texts
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentiment_lab.config.settings import PARTS
from sentiment_lab.data.reviews import DataError, text_digest
from sentiment_lab.data.sources.labelled_texts import LabelledText
from sentiment_lab.data.tables.encoding import UTF8, encoding_of, proposal
from sentiment_lab.data.tables.form import TableForm
from sentiment_lab.data.tables.system_files import is_system_file

_TEXT = ".txt"


def read_class_folders(folder: Path, form: TableForm) -> tuple[list[LabelledText], int]:
    """Return the texts of a folder, and the number of other files, which are ignored.

    Raises DataError where there are no folders with text files, and for a file in another encoding.
    """
    places = _class_folders(folder)
    files = [(file, part, name) for part, name, place in places for file in sorted(place.rglob("*")) if file.is_file()]
    read = [one for one in files if _is_text(one[0], folder)]
    if not read:
        raise DataError(
            f"{folder} has no folders with {_TEXT} files, one for each class; for tables in it, set "
            f'data.path to a pattern such as "{folder / "*.csv"}"'
        )
    texts = [
        LabelledText(_decoded(file, form), name, file.relative_to(folder).as_posix(), part) for file, part, name in read
    ]
    texts.sort(key=lambda one: (text_digest(one.text), one.origin))
    others = sum(1 for file in folder.rglob("*") if file.is_file()) - len(read)
    return texts, others


def _class_folders(folder: Path) -> list[tuple[str, str, Path]]:
    """Return part ("" without parts), class and place of each folder of a class."""
    inside = list(_subfolders(folder))
    if inside and all(one.name.lower() in PARTS for one in inside):
        return [(part.name.lower(), one.name, one) for part in inside for one in _subfolders(part)]
    return [("", one.name, one) for one in inside]


def _subfolders(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.iterdir()) if one.is_dir() and not is_system_file(one.name))


def _is_text(file: Path, folder: Path) -> bool:
    return file.suffix.lower() == _TEXT and not is_system_file(file.relative_to(folder).as_posix())


def _decoded(file: Path, form: TableForm) -> str:
    content = file.read_bytes()
    encoding = form.encoding or (encoding_of(content[:64], str(file)) if content else UTF8)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        hint = proposal([content.decode(UTF8, "surrogateescape")]) if encoding.startswith(UTF8) else ""
        raise DataError(f"{file}: not {encoding.upper()} at byte {error.start}{hint}; {form.advice}") from error
