"""Commands on a disk that is full or read-only. The tests run as root too, so that system calls are replaced."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
from pathlib import Path

import pytest

from sentiment_lab.base.files import StorageError, atomic_write
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.sweep_records import SweepRecord, freeze
from tests.tiny import job_of

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """A function that makes everything below `tmp_path` fail with an error when it is written."""

    def below(path):
        return not isinstance(path, int) and Path(os.fsdecode(path)).absolute().is_relative_to(tmp_path)

    def apply(number):
        def fail(path):
            raise OSError(number, os.strerror(number), os.fspath(path))

        opened, opened_file = os.open, io.open

        def open_descriptor(path, flags, *more, **named):
            return fail(path) if flags & WRITING and below(path) else opened(path, flags, *more, **named)

        def open_file(file, mode="r", *more, **named):
            return fail(file) if set(mode) & set("wax+") and below(file) else opened_file(file, mode, *more, **named)

        monkeypatch.setattr(os, "open", open_descriptor)
        monkeypatch.setattr(io, "open", open_file)
        monkeypatch.setattr(builtins, "open", open_file)
        for name in ("mkdir", "replace", "rename", "unlink", "rmdir"):
            real = getattr(os, name)
            monkeypatch.setattr(
                os,
                name,
                lambda path, *more, _real=real, **named: fail(path) if below(path) else _real(path, *more, **named),
            )

    return apply


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_commands_that_read_work_in_a_read_only_folder(number, two_runs, lab, unwritable, tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    complete, failed = two_runs
    with complete.locked():  # leaves the file of the lock, as training does
        pass
    overrides = complete.overrides()
    folders = [f"paths.store={tmp_path}/mlruns", f"paths.runs={tmp_path}/mlruns/runs", f"paths.cache={cache}"]
    unwritable(number)
    assert {run["state"] for run in json.loads(lab("runs", "--json").out)} == {"complete", "failed"}
    assert "complete" in lab("show", complete.short_hash).out
    assert lab("diff", complete.short_hash, failed.short_hash).code == 0
    assert lab("compare", complete.short_hash).code == 0
    ended = lab("train", *overrides, *folders)
    assert (ended.code, "complete, not trained again" in ended.err) == (0, True), ended.err
    diagnosed = lab("doctor", *folders, "tracking=none")
    assert (diagnosed.code, "Traceback" in diagnosed.err) == (1, False)
    assert f"paths.store: {tmp_path}/mlruns cannot be written: {os.strerror(number)}" in diagnosed.out
    ended = lab("train", *overrides, *folders, "seed=99")
    assert ended.code == 1
    assert "cannot be written" in ended.err.splitlines()[-1]


def test_a_run_that_is_being_trained_is_recognised_without_the_right_to_write(two_runs, unwritable):
    run = two_runs[1]
    with run.locked():
        unwritable(errno.EROFS)
        assert run.state == "running"
        assert run.holder.pid == os.getpid()
        with pytest.raises(RunError, match="is being trained by process"), run.locked():
            pass
    assert run.state == "failed"


NUMBERS = [errno.ENOSPC, errno.EDQUOT, errno.EROFS]


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["predict", "HASH", "--csv", "in.csv", "--output", "out.csv"], "out.csv"),
        (["explain", "HASH", "a film", "--html", "page.html"], "page.html"),
        (["compare", "HASH", "--report", "report.html"], "report.html"),
        (["compare", "HASH", "--page", "answer.md"], "answer"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_in_one_line(
    number, arguments, file, trained_run, lab, unwritable, tmp_path
):
    (tmp_path / "in.csv").write_text("review\na film\n", encoding="utf-8")
    unwritable(number)
    ended = lab(*(trained_run.short_hash if word == "HASH" else word for word in arguments))
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    assert file in line
    assert os.strerror(number) in line


@pytest.mark.parametrize("device", ["/dev/full", "fifo"])
def test_a_device_or_a_pipe_is_written_to_and_not_replaced(device, tmp_path):
    if device == "/dev/full":
        with pytest.raises(StorageError, match=r"/dev/full cannot be written: No space left on device"):
            atomic_write(Path(device), "text")
        assert Path(device).is_char_device()
        return
    path = tmp_path / device
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    atomic_write(path, "text")
    assert os.read(reader, 10) == b"text"
    assert path.is_fifo()
    os.close(reader)


def test_a_sweep_that_is_recorded_may_be_in_a_read_only_folder(linear, tmp_path, unwritable):
    jobs = [job_of([*linear, f"seed={seed}"]) for seed in (1, 2)]
    record, _, folder = freeze(jobs, ["seed=1,2"])
    unwritable(errno.EROFS)
    assert freeze(jobs, ["seed=1,2"])[0] == record == SweepRecord.read(folder)
    with pytest.raises(StorageError, match="Read-only file system"):
        freeze(jobs[:1], ["seed=1"])
