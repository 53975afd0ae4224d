"""A run's folder: states, locks, prefixes, nothing half-written."""

from __future__ import annotations

import json
import multiprocessing

import pytest

from sentiment_lab.compose import compose_config
from sentiment_lab.identity import CodeVersion, config_hash
from sentiment_lab.rundir import RunError, RunFolder, find_run, list_runs, write_whole


@pytest.fixture
def config(tmp_path):
    return compose_config([f"paths.runs={tmp_path / 'runs'}"])


@pytest.fixture
def folder(config):
    run = RunFolder.of(config)
    with run.locked():
        run.prepare(config, ["seed=0", 'data.path="a b.csv"'], CodeVersion("abc+def", "the diff"), {"keras": "3"})
    return run


def test_a_folder_is_named_by_the_hash_and_holds_what_is_known_first(folder, config):
    assert folder.path.name == config_hash(config)[:12]
    assert folder.overrides() == ["seed=0", 'data.path="a b.csv"']
    assert folder.config()["seed"] == 0
    assert "code_version: abc+def" in (folder.path / "environment.txt").read_text()
    assert (folder.path / "code.diff").read_text() == "the diff"


def test_states_follow_the_journal(folder, config):
    assert folder.state == "new"
    folder.append("started", host="h", pid=1)
    assert folder.state == "interrupted"
    with folder.locked():
        assert folder.state == "running"
    folder.append("failed", reason="x")
    assert folder.state == "failed"
    with folder.locked():
        folder.prepare(config, [], CodeVersion("abc", ""), {})
    assert folder.state == "new"
    assert not (folder.path / "code.diff").exists()


def test_a_journal_line_cut_short_is_left_out(folder):
    folder.append("started")
    with (folder.path / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "epo')
    assert [event["event"] for event in folder.events()] == ["started"]


def _hold(path, ready, done):
    with RunFolder(path).locked():
        RunFolder(path).append("started", host="there", pid=7)
        ready.set()
        done.wait(60)


def test_a_second_process_is_told_who_holds_the_run_and_a_dead_owner_holds_nothing(folder):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    owner = context.Process(target=_hold, args=(folder.path, ready, done))
    owner.start()
    assert ready.wait(60)
    with pytest.raises(RunError, match="is being trained by process 7 on there since"), folder.locked():
        pass
    owner.kill()
    owner.join()
    with folder.locked():
        assert folder.state == "running"


def test_runs_are_found_by_a_unique_prefix(tmp_path):
    runs = []
    for seed in range(20):
        config = compose_config([f"paths.runs={tmp_path}", f"seed={seed}"])
        run = RunFolder.of(config)
        with run.locked():
            run.prepare(config, [], CodeVersion("v", ""), {})
        runs.append(run)
    assert {run.path for run in list_runs(tmp_path)} == {run.path for run in runs}
    assert find_run(tmp_path, runs[3].short_hash) == runs[3]
    assert find_run(tmp_path, config_hash(config)) == runs[-1], "a whole hash serves as well"
    first = {run.short_hash[0] for run in runs}
    shared = next(digit for digit in first if sum(run.short_hash[0] == digit for run in runs) > 1)
    with pytest.raises(RunError, match="is the beginning of several runs"):
        find_run(tmp_path, shared)
    with pytest.raises(RunError, match="no run 'zz'"):
        find_run(tmp_path, "zz")


def test_no_runs_at_all_is_said(tmp_path):
    with pytest.raises(RunError, match="there are no runs"):
        find_run(tmp_path / "nowhere", "ab")


def test_a_damaged_result_is_named_and_not_used(folder):
    for text in ("", "{}", json.dumps({"format": 1}), json.dumps({"format": 1, "epochs": 3})):
        write_whole(folder.path / "result.json", text)
        with pytest.raises(RunError, match=r"result\.json is damaged"):
            folder.result()


def test_a_missing_result_says_the_state(folder):
    with pytest.raises(RunError, match=r"has no result\.json: it is new"):
        folder.result()
