"""Commands whose standard streams are closed, full, or cannot encode the texts."""

from __future__ import annotations

import errno
import io
import subprocess
import sys

import pytest

from tests.base.test_console import Failing

TEXT = "ein schöner – Film 😀"  # noqa: RUF001


@pytest.fixture
def full(monkeypatch):
    """A function that runs a command line with a full standard output."""

    def run(lab, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", Failing(OSError(errno.ENOSPC, "No space left on device")))
            return lab(*arguments)

    return run


@pytest.mark.parametrize(
    "arguments", [["runs"], ["runs", "--json"], ["show", "HASH"], ["predict", "HASH", "a film"], ["runs", "--help"]]
)
def test_a_full_standard_output_ends_a_command_with_one_line(arguments, trained_run, lab, full):
    ended = full(lab, *(trained_run.short_hash if word == "HASH" else word for word in arguments))
    assert ended.code == 1
    assert ended.err == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize(("option", "file"), [("--report", "report.html"), ("--page", "page.md")])
def test_a_full_standard_output_keeps_the_files_of_compare(option, file, trained_run, lab, full, tmp_path):
    full(lab, "compare", trained_run.short_hash, option, file)
    assert (tmp_path / file).stat().st_size > 100


SLOW_EXPLAIN = pytest.param("explain", marks=pytest.mark.slow)
"""It loads and traces a network, each time."""


@pytest.mark.parametrize("command", ["runs", "show", "diff", "predict", SLOW_EXPLAIN])
def test_a_full_standard_error_changes_nothing(command, trained_run, lab, monkeypatch):
    name = trained_run.short_hash
    more = {"runs": [], "show": [name], "diff": [name, name], "predict": [name, "x"], "explain": [name, "x"]}
    expected = lab(command, *more[command])
    monkeypatch.setattr(sys, "stderr", Failing(OSError(errno.ENOSPC, "No space left on device")))
    assert (lab(command, *more[command]).code, lab(command, *more[command]).out) == (0, expected.out)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", ["predict", SLOW_EXPLAIN])
def test_texts_are_printed_in_any_encoding(command, encoding, trained_run, lab, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        ended = lab(command, trained_run.short_hash, TEXT)
    printed = stream.buffer.getvalue().decode(encoding)
    assert ended.code == 0, ended.err
    assert {"ascii": r"sch\xf6ner", "cp1252": "schöner"}[encoding] in printed
    assert r"\U0001f600" in printed
    rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) <= 1, "the columns of a table are aligned"


SHELL = [
    ("--help >&-", 1, "error: standard output cannot be written: it is closed\n"),
    ("--help >/dev/full", 1, "error: standard output cannot be written: No space left on device\n"),
    ("--help | head -1", 0, ""),
    ("runs --json 2>&-", 0, ""),
    ("runs 2>/dev/full", 0, ""),
    ("show zz >&- 2>&-", 2, ""),
]


@pytest.mark.parametrize(("words", "code", "message"), SHELL, ids=[words for words, _, _ in SHELL])
def test_a_process_ends_with_the_code_and_without_noise(words, code, message, tmp_path):
    script = f"set -o pipefail; '{sys.executable}' -m sentiment_lab {words}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, message)
