"""The upstream layout of the Large Movie Review Dataset, in its archive or unpacked.

    aclImdb/train/pos/<id>_<rating>.txt     also train/neg, test/pos, test/neg and, without labels, train/unsup
    aclImdb/train/urls_pos.txt              line k (from 0) is the film address of review id k; one for each folder

The order of the files has no meaning, so all forms yield their reviews in one fixed order: sorted by text digest. That
is a shuffle which depends on the texts alone, so that ranges of it hold both labels evenly.
"""

from __future__ import annotations

import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from sentiment_lab.data.reviews import NEGATIVE, POSITIVE, DataError, text_digest
from sentiment_lab.data.sources.source_data import Review, SourceData, checked_text
from sentiment_lab.data.tables.compression import ZIP, compression_of, decompressed, is_tar, read_errors
from sentiment_lab.data.tables.system_files import is_system_file
from sentiment_lab.data.tables.zips import open_member, zip_members

ROOT = "aclImdb"
_LABELS = {"pos": POSITIVE, "neg": NEGATIVE}
_FOLDERS = ("train", "test", "train/neg", "train/pos", "test/neg", "test/pos", "train/unsup")
_TAR_NAME = re.compile(r"\.(?:tar|tar\.(?:gz|bz2|xz)|tgz|tbz|tbz2|txz)$", re.IGNORECASE)
_REVIEW = re.compile(r"(?:^|/)((train|test)/(pos|neg|unsup)/([^/]*))$")
_NUMBER = re.compile(r"(\d+)_\d+\.txt")
_URLS = re.compile(r"(?:^|/)(train|test)/urls_(pos|neg)\.txt$")
_FILM = re.compile(r"/title/(tt\d+)(?:/|$)")


class _File(NamedTuple):
    name: str
    """Relative to the archive or the folder."""
    read: Callable[[], bytes]


class _ReviewFile(NamedTuple):
    text: str
    origin: str
    part: str
    folder: str
    number: int


def is_archive(path: Path) -> bool:
    """Whether a file is a tar archive, by its name or its content, or a zip of the upstream layout."""
    if _TAR_NAME.search(path.name):
        return True
    if not path.is_file():
        return False  # a pipe, which can be read once
    try:
        with path.open("rb") as file:
            kind = compression_of(file)
            if kind == ZIP:
                with zipfile.ZipFile(file) as archive:
                    return any(_REVIEW.search(name) for name in zip_members(str(path), archive))
            return is_tar(decompressed(file, kind) if kind else file)
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError):
        return False  # reading it as a table reports the problem


def read_archive(path: Path, *, unlabelled: bool) -> SourceData:
    """Read `aclImdb_v1.tar.gz` without unpacking it to disk; also repacked as .tar, .tar.bz2, .tar.xz or .zip.

    Raises DataError naming the file, and the member where there is one: not an archive, truncated, corrupted, a member
    outside of its folder, a name or a text that cannot be read.
    """
    named = _TAR_NAME.search(path.name)
    form = f"{named[0]} archive" if named else "archive"
    with read_errors(str(path), form), path.open("rb") as file:
        kind = compression_of(file)
        files = _zip_files(path, file) if kind == ZIP else _tar_files(path, file, kind)
        return _source_data(path, files, unlabelled)


def read_folder(path: Path, *, unlabelled: bool) -> SourceData:
    """Read the unpacked archive; `path` holds train/ and test/. Raises DataError naming the offending file."""
    return _source_data(path, _folder_files(path), unlabelled)


def upstream_folder(path: Path) -> Path | None:
    """Return the folder with train/ and test/: `path` itself or `path`/aclImdb; None where neither has them."""
    for folder in (path, path / ROOT):
        if (folder / "train").is_dir() and (folder / "test").is_dir():
            return folder
    return None


def _tar_files(path: Path, file: BinaryIO, kind: str | None) -> Iterator[_File]:
    stream = decompressed(file, kind) if kind else file
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            _check_member(path, member)
            if member.isfile():
                yield _File(member.name, partial(_read_member, archive, member))
    # The checksum stands at the end of the stream, which tarfile does not read.
    while stream.read(1 << 20):
        pass


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    return content.read() if content else b""


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise DataError(f"{path}, member {member.name}: its name is outside of the archive's folder")
    if not (member.isfile() or member.isdir()):
        raise DataError(f"{path}, member {member.name}: must be a file or a folder, not a link or a device")


def _zip_files(path: Path, file: BinaryIO) -> Iterator[_File]:
    with zipfile.ZipFile(file) as archive:
        for name, info in zip_members(str(path), archive).items():
            if stat.S_ISLNK(info.external_attr >> 16):
                raise DataError(f"{path}, member {name}: must be a file or a folder, not a link or a device")
            yield _File(name, partial(_read_zipped, path, archive, info))


def _read_zipped(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with open_member(str(path), archive, info) as member:
        return member.read()


def _folder_files(path: Path) -> Iterator[_File]:
    for folder, _, names in os.walk(path, onerror=_raise):
        inside = Path(folder).relative_to(path).as_posix()
        for name in names:
            if inside in _FOLDERS or is_system_file(f"{inside}/{name}"):
                yield _File(f"{inside}/{name}", partial(_read_file, os.path.join(folder, name)))  # noqa: PTH118  # quick


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def _raise(error: OSError) -> None:
    raise error


def _wanted(name: str, unlabelled: bool) -> bool:
    review = _REVIEW.search(name)
    if review:
        return unlabelled or review[3] != "unsup"
    return _URLS.search(name) is not None


def _source_data(source: Path, files: Iterator[_File], unlabelled: bool) -> SourceData:
    films: dict[tuple[str, str], list[str]] = {}
    reviews: list[_ReviewFile] = []
    ignored = 0
    for file in files:
        if is_system_file(file.name):
            ignored += 1
            continue
        if not _wanted(file.name, unlabelled):
            continue
        text = _decoded(source, file)
        if urls := _URLS.search(file.name):
            films[urls[1], urls[2]] = _film_ids(source, file.name, text)
        else:
            reviews.append(_review(source, file.name, text))
    reviews.sort(key=lambda review: (text_digest(review.text), review.origin))
    labelled = [_labelled(source, review, films) for review in reviews if review.folder in _LABELS]
    texts = [review.text for review in reviews if review.folder not in _LABELS]
    if unlabelled and not texts:
        raise DataError(f"data.unlabelled is true, but {source} has no reviews under train/unsup")
    return SourceData(labelled, texts, ignored)


def _decoded(source: Path, file: _File) -> str:
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{source}, {file.name}: not UTF-8 at byte {error.start}") from error


def _review(source: Path, name: str, text: str) -> _ReviewFile:
    parts = _REVIEW.search(name)
    number = _NUMBER.fullmatch(parts[4]) if parts else None
    if parts is None or number is None:
        raise DataError(f"{source}, {name}: a review's file must be named <id>_<rating>.txt")
    return _ReviewFile(checked_text(text, source, name), parts[1], parts[2], parts[3], int(number[1]))


def _labelled(source: Path, review: _ReviewFile, films: dict[tuple[str, str], list[str]]) -> Review:
    ids = films.get((review.part, review.folder))
    if ids is not None and review.number >= len(ids):
        raise DataError(
            f"{source}, {review.origin}: {review.part}/urls_{review.folder}.txt has {len(ids)} lines, "
            f"none for review {review.number}"
        )
    film = ids[review.number] if ids is not None else None
    return Review(review.text, _LABELS[review.folder], review.origin, film, review.part)


def _film_ids(source: Path, name: str, text: str) -> list[str]:
    films = []
    for line, address in enumerate(text.splitlines(), start=1):
        film = _FILM.search(address)
        if film is None:
            raise DataError(f"{source}, {name}, line {line}: must hold /title/tt<number>, got {address!r}")
        films.append(film[1])
    return films
