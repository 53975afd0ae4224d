"""A run folder: states, lock, prefixes, atomic files."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest

from sentiment_lab.base.files import DamageError, StorageError, atomic_write, checksummed_json, read_checksummed
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import config_hash
from sentiment_lab.runs.folder import AmbiguousHashError, RunError, RunFolder
from sentiment_lab.runs.listing import find_run, list_runs
from sentiment_lab.runs.provenance import CodeVersion
from sentiment_lab.runs.writing import begin_run


def begin(run, config, overrides=("seed=0",), code=None):
    with run.locked():
        files = begin_run(run, config, list(overrides), code or CodeVersion("v", ""), {"keras": "3"})
        run.journal.append("started", files=files, host="h", pid=1)


@pytest.fixture
def config(tmp_path):
    return compose_config([f"paths.runs={tmp_path / 'runs'}"])


@pytest.fixture
def folder(config):
    run = RunFolder.of(config)
    begin(run, config, ["seed=0", 'data.path="a b.csv"'], CodeVersion("abc+def", "the diff"))
    return run


def test_a_folder_is_named_by_the_hash_and_holds_the_first_files(folder, config):
    assert folder.path.name == config_hash(config)[:12]
    assert folder.config_hash == config_hash(config)
    assert folder.overrides() == ["seed=0", 'data.path="a b.csv"']
    assert folder.config()["seed"] == 0
    assert folder.environment() == {"code_version": "abc+def", "keras": "3"}
    assert (folder.path / "code.diff").read_text() == "the diff"


def test_states_follow_the_journal(folder, config):
    assert folder.state == "interrupted"
    with folder.locked():
        assert folder.state == "running"
    folder.journal.append("failed", reason="x")
    assert folder.state == "failed"
    with folder.locked():
        begin_run(folder, config, [], CodeVersion("abc", ""), {})
    assert folder.state == "new"
    assert not (folder.path / "code.diff").exists()


def _hold(path, ready, done):
    with RunFolder(path).locked():
        ready.set()
        done.wait(60)


def test_a_locked_run_names_its_process_and_the_lock_of_a_dead_process_is_free(folder):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    owner = context.Process(target=_hold, args=(folder.path, ready, done))
    owner.start()
    assert ready.wait(60)
    message = rf"is being trained by process {owner.pid} on \S+ since \S+ \(last heartbeat \S+\); wait until it ends"
    with pytest.raises(RunError, match=message), folder.locked():
        pass
    assert folder.holder.pid == owner.pid
    owner.kill()
    owner.join()
    assert folder.holder is None
    with folder.locked():
        assert folder.state == "running"
    assert not (folder.path / "heartbeat.json").exists()


def test_the_heartbeat_continues_while_the_folder_is_locked(folder, monkeypatch):
    monkeypatch.setattr("sentiment_lab.runs.lock.BEAT_SECONDS", 0.01)
    beats = iter(range(1000))
    monkeypatch.setattr("sentiment_lab.runs.lock._now", lambda: str(next(beats)))
    with folder.locked():
        while folder.holder.beat == "0":
            pass
        assert folder.holder.since == "0"


def test_runs_are_found_by_a_unique_prefix(tmp_path):
    runs = []
    base = compose_config([f"paths.runs={tmp_path}"])
    for seed in range(20):
        config = replace(base, seed=seed)
        runs.append(RunFolder.of(config))
        begin(runs[-1], config)
    (tmp_path / "notes").mkdir()
    assert [run.path for run in list_runs(tmp_path)] == [run.path for run in runs], "oldest first"
    assert find_run(tmp_path, runs[3].short_hash) == runs[3]
    assert find_run(tmp_path, config_hash(config)) == runs[-1], "a full hash works as well"
    for wrong in (f"{config_hash(config)[:-1]}x", f"{config_hash(config)}0", f"{runs[-1].short_hash}zz"):
        with pytest.raises(RunError, match="no run"):
            find_run(tmp_path, wrong)
    first = {run.short_hash[0] for run in runs}
    shared = next(digit for digit in first if sum(run.short_hash[0] == digit for run in runs) > 1)
    with pytest.raises(AmbiguousHashError, match="is the prefix of several runs"):
        find_run(tmp_path, shared)
    with pytest.raises(RunError, match="no run 'zz'"):
        find_run(tmp_path, "zz")


def test_a_root_without_runs_is_reported(tmp_path):
    with pytest.raises(RunError, match="there are no runs"):
        find_run(tmp_path / "nowhere", "ab")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', '{"format": 2, "digest": "00"}'])
def test_a_damaged_result_is_reported_and_not_used(folder, text):
    atomic_write(folder.path / "result.json", text)
    with pytest.raises(DamageError, match=r"result\.json is damaged"):
        folder.result()


def test_a_missing_result_is_reported_with_the_state(folder):
    with pytest.raises(RunError, match=r"has no result\.json: the run is interrupted"):
        folder.result()


def test_a_file_is_written_atomically(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic_write(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="file cannot be written: No space left on device; fix this and rerun"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_checksummed_file_that_lost_its_last_byte_is_reported(tmp_path):
    path = tmp_path / "file.json"
    path.write_text(checksummed_json({"a": 0.1, "b": [1, None]}))
    assert read_checksummed(path) == {"a": 0.1, "b": [1, None]}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamageError, match=r"file\.json is damaged"):
        read_checksummed(path)
