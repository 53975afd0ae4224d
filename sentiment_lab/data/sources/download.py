"""The download of the upstream archive: resumed, verified, and renamed only when it is complete.

The MD5 pins the content. A download is therefore resumed without a check whether the file on the server changed: if it
did, the checksum does not match.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.imdb import FORMS

ARCHIVE = "aclImdb_v1.tar.gz"
URL = f"http://ai.stanford.edu/~amaas/data/sentiment/{ARCHIVE}"
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
VARIABLE = "SENTIMENT_LAB_DATA"
WAYS = (
    f"Three ways to get the data: data.path=PATH ({FORMS}); {VARIABLE}=PATH in the environment (one of these, or a "
    "folder that holds one); sentiment-lab data fetch"
)
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18  # bytes


def download(cache: Path, *, url: str = URL, md5: str = MD5) -> Path:
    """Return the upstream archive in the cache folder, downloading it first if necessary.

    Shows a progress bar on standard error. Two processes may call it at once: one downloads, the other waits for it.
    Raises DataError where the server cannot be reached, closes the connection repeatedly, or sends other content, and
    where the cache folder cannot be written.
    """
    target = cache / ARCHIVE
    part = target.with_name(f"{ARCHIVE}.part")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not target.is_file():
                _download(url, part)
                _check(url, part, md5)
                part.replace(target)
    except OSError as error:
        raise DataError(f"{target} cannot be written (paths.cache): {error.strerror or error}") from error
    return target


def _download(url: str, part: Path) -> None:
    """Write `url` to `part`; retry as long as each attempt gets further than all earlier ones."""
    furthest = _size(part)
    with _progress() as progress:
        bar = progress.add_task(ARCHIVE, total=None)
        while True:
            try:
                return _attempt(url, part, lambda start, total: progress.update(bar, completed=start, total=total))
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                if _size(part) <= furthest:
                    raise DataError(f"{url} cannot be downloaded: {error}. {_kept(part)}{WAYS}") from error
                furthest = _size(part)


def _attempt(url: str, part: Path, show: Callable[[int, int | None], None]) -> None:
    have = _size(part)
    with _open(url, have) as response:
        if response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the file has no further bytes; the MD5 shows whether it is complete
        reached = _start(response, have)
        length = response.headers.get("Content-Length")
        total = None if length is None else reached + int(length)
        with part.open("r+b" if reached else "wb") as file:
            file.truncate(reached)
            file.seek(reached)
            while chunk := response.read(_CHUNK):
                reached += file.write(chunk)
                show(reached, total)
    if total is not None and reached < total:
        raise ConnectionError(f"the connection was closed at byte {reached} of {total}")


def _open(url: str, have: int) -> http.client.HTTPResponse | urllib.error.HTTPError:
    """Request the bytes after the first `have`."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if have and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return error
        error.close()
        raise
    return response


def _start(response: http.client.HTTPResponse | urllib.error.HTTPError, have: int) -> int:
    """Return the byte at which the response starts: 0 where the server does not resume downloads."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    span = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if span is None or int(span[1]) > have:
        raise http.client.HTTPException(f"requested bytes from {have}, got {response.headers.get('Content-Range')!r}")
    return int(span[1])


def _check(url: str, part: Path, md5: str) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != md5:
        part.unlink()
        raise DataError(f"{url} must have the MD5 {md5}, got {digest}; the file is removed. {WAYS}")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _kept(part: Path) -> str:
    return f"The first {_size(part)} bytes are kept, and the next attempt resumes after them. " if _size(part) else ""


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
