"""Locating the reviews, and downloading them from a server that interrupts."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources.download import ARCHIVE, download
from sentiment_lab.data.sources.locate import locate

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT on the loopback; `cuts` are the numbers of bytes after which its responses end, in order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Response)
        self.ranges = True
        self.cuts: list[int] = []
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{ARCHIVE}"


class Response(BaseHTTPRequestHandler):
    """One response, complete or truncated."""

    server: Server

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.server.requests.append(wanted)
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(CONTENT)
        self.wfile.write(CONTENT[start : start + cut])

    def log_message(self, *_: object) -> None:
        """Print nothing on standard error."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_data_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTIMENT_LAB_DATA", raising=False)


def part_of(cache: Path) -> Path:
    return cache / f"{ARCHIVE}.part"


def test_an_archive_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert download(cache, url=server.url, md5=MD5).read_bytes() == CONTENT
    assert not part_of(cache).exists()
    download(cache, url=server.url, md5=MD5)
    assert server.requests == [None]


def test_an_interrupted_download_resumes(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000, 200_000]
    assert download(tmp_path, url=server.url, md5=MD5).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=300000-", "bytes=500000-"]


def test_the_bytes_of_an_earlier_process_are_kept(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path).write_bytes(CONTENT[:1000])
    assert download(tmp_path, url=server.url, md5=MD5).read_bytes() == CONTENT
    assert server.requests == ["bytes=1000-"]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    part_of(tmp_path).write_bytes(b"x" * 1000)
    assert download(tmp_path, url=server.url, md5=MD5).read_bytes() == CONTENT


def test_a_complete_part_file_is_renamed(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path).write_bytes(CONTENT)
    assert download(tmp_path, url=server.url, md5=MD5).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"", b"x" * 1000, CONTENT + b"x"])
def test_a_wrong_checksum_removes_the_file(server: Server, tmp_path: Path, content: bytes) -> None:
    part_of(tmp_path).write_bytes(content)
    wrong = "0" * 32 if not content else MD5
    with pytest.raises(DataError, match=rf"must have the MD5 {wrong}, got [0-9a-f]{{32}}"):
        download(tmp_path, url=server.url, md5=wrong)
    assert not part_of(tmp_path).exists()
    assert not (tmp_path / ARCHIVE).exists()


def test_without_progress_the_download_fails_and_its_bytes_are_kept(server: Server, tmp_path: Path) -> None:
    server.cuts = [1000, 0]
    with pytest.raises(DataError, match=r"at byte 1000 of 1048576\. The first 1000 bytes are kept") as caught:
        download(tmp_path, url=server.url, md5=MD5)
    assert "sentiment-lab data fetch" in str(caught.value)
    assert part_of(tmp_path).read_bytes() == CONTENT[:1000]


def test_without_ranges_and_progress_the_download_fails(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [1000] * 9
    with pytest.raises(DataError, match="was closed at byte 1000"):
        download(tmp_path, url=server.url, md5=MD5)
    assert len(server.requests) == 2


def test_an_unreachable_server_is_an_error_with_the_three_ways(server: Server, tmp_path: Path) -> None:
    server.server_close()
    with pytest.raises(DataError) as caught:
        download(tmp_path, url=server.url, md5=MD5)
    for words in (server.url, "data.path=", "SENTIMENT_LAB_DATA=", "sentiment-lab data fetch"):
        assert words in str(caught.value)


def test_a_cache_folder_that_cannot_be_created_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"paths\.cache"):
        download(tmp_path / "file", url=server.url, md5=MD5)


def test_of_two_at_once_one_downloads(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(download, tmp_path, url=server.url, md5=MD5) for _ in range(4)]
        assert {job.result().read_bytes() for job in jobs} == {CONTENT}
    assert server.requests == [None]


def test_an_explicit_path_has_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("given.csv", "named.csv"):
        (tmp_path / name).touch()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ARCHIVE).touch()
    monkeypatch.setenv("SENTIMENT_LAB_DATA", str(tmp_path / "named.csv"))
    assert locate(str(tmp_path / "given.csv"), tmp_path / "cache") == tmp_path / "given.csv"
    assert locate(None, tmp_path / "cache") == tmp_path / "named.csv"
    monkeypatch.delenv("SENTIMENT_LAB_DATA")
    assert locate(None, tmp_path / "cache") == tmp_path / "cache" / ARCHIVE


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").touch()
    assert locate("~/a.csv", tmp_path) == tmp_path / "a.csv"


@pytest.mark.parametrize("name", [ARCHIVE, "IMDB Dataset.csv", "IMDB Dataset.csv.zip", "any.parquet", "any.csv"])
def test_a_folder_may_contain_any_of_the_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).touch()
    monkeypatch.setenv("SENTIMENT_LAB_DATA", str(tmp_path))
    assert locate(None, tmp_path / "cache") == tmp_path / name
    assert locate(str(tmp_path), tmp_path / "cache") == tmp_path / name


def test_the_unpacked_folder_is_found_from_itself_and_from_its_parent(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / "aclImdb" / part).mkdir(parents=True)
    for place in (tmp_path, tmp_path / "aclImdb"):
        assert locate(str(place), tmp_path / "cache") == tmp_path / "aclImdb"


def test_several_tables_are_an_error(tmp_path: Path) -> None:
    for name in ("a.csv", "b.parquet", "._a.csv"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="has 2 tables"):
        locate(str(tmp_path), tmp_path / "cache")


@pytest.mark.parametrize("place", ["missing.csv", "empty"])
def test_a_place_without_reviews_is_an_error_with_the_three_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "empty").mkdir()
    path = str(tmp_path / place)
    with pytest.raises(DataError) as by_path:
        locate(path, tmp_path)
    monkeypatch.setenv("SENTIMENT_LAB_DATA", path)
    with pytest.raises(DataError) as by_variable:
        locate(None, tmp_path)
    assert str(by_path.value).startswith(f"data.path names {'the folder ' * (place == 'empty')}{path}")
    assert str(by_variable.value).startswith("SENTIMENT_LAB_DATA names")
    for words in ("data.path=", "SENTIMENT_LAB_DATA=", "sentiment-lab data fetch"):
        assert words in str(by_path.value)
        assert words in str(by_variable.value)
