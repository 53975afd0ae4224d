"""The cache: entries are built once, by one process at a time, and again where they are damaged."""

from __future__ import annotations

import json
import logging
import multiprocessing
from pathlib import Path

import pytest

from sentiment_lab.data.cache import CacheEntry, entry_folder, find_damage
from sentiment_lab.data.reviews import DataError

CONTENTS = {"one.txt": b"first", "two.bin": b"second"}


def write(contents, folder):
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def refuse():
    pytest.fail("an intact entry was computed again")


def entry(cache, compute=lambda: CONTENTS, kind="tokens", write=write):
    return CacheEntry(entry_folder(cache, kind, key=1), tuple(CONTENTS), compute, write)


def files_in(cache):
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_an_entry_is_computed_once(tmp_path):
    assert entry(tmp_path).content("one.txt") == b"first"
    assert entry(tmp_path, refuse).content("two.bin") == b"second"
    assert entry(tmp_path, refuse).path("two.bin").read_bytes() == b"second"
    assert files_in(tmp_path) == ["index.json", "one.txt", "two.bin"]


def test_another_key_and_another_format_have_another_folder(tmp_path, monkeypatch):
    folders = {entry_folder(tmp_path, "tokens", key=key) for key in (1, 2, "1", None)}
    monkeypatch.setattr("sentiment_lab.data.cache.FORMAT", 10**6)
    folders.add(entry_folder(tmp_path, "tokens", key=1))
    assert len(folders) == 5


def truncate(path):
    path.write_bytes(path.read_bytes()[:-3])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = pytest.mark.parametrize("damage", [truncate, empty, flip, Path.unlink])
NAMES = pytest.mark.parametrize("name", [*CONTENTS, "index.json"])


@DAMAGES
@NAMES
def test_a_damaged_entry_is_built_again(tmp_path, caplog, name, damage):
    intact = entry(tmp_path)
    intact.path("one.txt")
    damage(intact.folder / name)
    with caplog.at_level(logging.WARNING):
        assert {name: entry(tmp_path).content(name) for name in CONTENTS} == CONTENTS
    assert f"{intact.folder} is damaged; it is built again" in caplog.text
    assert entry(tmp_path, refuse).content("one.txt") == b"first"


@pytest.mark.parametrize("index", [[], {"files": []}, {"files": {"one.txt": 3}}, {"files": {"../one.txt": "0"}}])
def test_an_index_of_another_form_is_damage(tmp_path, index):
    intact = entry(tmp_path)
    intact.path("one.txt")
    (intact.folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    assert [folder for folder, _ in find_damage(tmp_path)] == [intact.folder]
    assert entry(tmp_path).content("one.txt") == b"first"
    assert not list(find_damage(tmp_path))


@DAMAGES
@pytest.mark.parametrize("kind", ["corpora", "tokens", "vectors"])
def test_damage_of_every_kind_of_entry_is_reported(tmp_path, kind, damage):
    intact = entry(tmp_path, kind=kind)
    intact.path("one.txt")
    assert not list(find_damage(tmp_path))
    damage(intact.folder / "one.txt")
    ((folder, problem),) = find_damage(tmp_path)
    assert folder == intact.folder
    assert f"{folder / 'one.txt'} is " in problem


def test_entries_of_the_first_format_are_not_reported(tmp_path):
    folder = tmp_path / "corpora" / ("0" * 8)
    folder.mkdir(parents=True)
    (folder / "corpus.json").write_text('{"format": 1, "files": {"reviews.parquet": "0"}}')
    assert not list(find_damage(tmp_path))


def fail_to_write(_contents, folder):
    (folder / "one.txt").write_bytes(b"half")
    raise OSError(28, "No space left on device")


def test_a_failure_while_writing_leaves_no_entry(tmp_path):
    with pytest.raises(DataError, match=r"tokens/\w+ cannot be written \(paths\.cache\): No space left on device"):
        entry(tmp_path, write=fail_to_write).path("one.txt")
    assert files_in(tmp_path) == []


def test_a_failure_to_compute_leaves_no_entry(tmp_path):
    def fail():
        raise DataError("row 3 is bad")

    with pytest.raises(DataError, match=r"^row 3 is bad$"):
        entry(tmp_path, fail).path("one.txt")
    assert files_in(tmp_path) == []


def test_a_cache_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"file/tokens/\w+ cannot be written \(paths\.cache\)"):
        entry(tmp_path / "file").path("one.txt")


def test_content_that_does_not_read_back_is_reported(tmp_path):
    with pytest.raises(DataError, match=r"cannot be written \(paths\.cache\)"):
        entry(tmp_path, lambda: {"one.txt": b"the other file is missing"}).path("one.txt")


def test_what_a_killed_process_left_is_removed(tmp_path):
    folder = entry(tmp_path).folder
    unfinished = folder.with_name(f"{folder.name}.building")
    unfinished.mkdir(parents=True)
    (unfinished / "one.txt").write_bytes(b"half")
    assert entry(tmp_path).content("one.txt") == b"first"
    assert not unfinished.exists()


def build(cache, started, results):
    """Build the entry once all processes have started."""

    def compute():
        results.put("computed")
        return CONTENTS

    started.wait(60)
    results.put(entry(cache, compute).content("one.txt").decode())


def test_several_processes_build_one_entry_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=build, args=(tmp_path, started, results)) for _ in range(2)]
    for process in processes:
        process.start()
    reported = sorted(results.get(timeout=120) for _ in range(3))
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert reported == ["computed", "first", "first"]
