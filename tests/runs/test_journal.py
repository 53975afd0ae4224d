"""The journal: events are kept in order, and any change to the file is detected."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiment_lab.base.files import StorageError
from sentiment_lab.runs.journal import Journal


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal.jsonl")
    for number in range(4):
        made.append("epoch", epoch=number, loss=0.1 * number)
    return made


def test_events_come_back_in_order(journal):
    assert [(event["event"], event["epoch"], event["loss"]) for event in journal.events()] == [
        ("epoch", number, 0.1 * number) for number in range(4)
    ]
    assert journal.read().damage is None


def test_a_missing_journal_has_no_events(tmp_path):
    assert Journal(tmp_path / "none").events() == []


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_an_unfinished_last_line_is_ignored_and_overwritten(journal, cut):
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    assert [event["epoch"] for event in journal.events()] == [0, 1, 2]
    assert journal.read().damage is None, "a dead writer is no damage"
    journal.append("epoch", epoch=3, loss=0.3)
    assert [event["epoch"] for event in journal.events()] == [0, 1, 2, 3]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_detected_and_no_line_after_it_used(journal, position, bit):
    written = journal.path.read_bytes()
    index = int(position * len(written))
    line = written[:index].count(b"\n")
    journal.path.write_bytes(written[:index] + bytes([written[index] ^ 1 << bit]) + written[index + 1 :])
    content = journal.read()
    journal.path.write_bytes(written)
    assert [event["epoch"] for event in content.events] == list(range(line))
    assert content.damage or line == 3, "only the end of the last line can look unfinished"


@pytest.mark.parametrize("drop", [0, 1, 2])
def test_a_removed_line_is_detected(journal, drop):
    lines = journal.path.read_text().splitlines(keepends=True)
    journal.path.write_text("".join(lines[:drop] + lines[drop + 1 :]))
    assert journal.read().damage == f"{journal.path} is damaged at line {drop + 1}"


def test_repair_keeps_the_intact_lines_and_the_damaged_file(journal):
    damaged = journal.path.read_bytes().replace(b'"epoch": 2', b'"epoch": 9')
    journal.path.write_bytes(damaged)
    assert journal.repair() == f"{journal.path} is damaged at line 3"
    assert [event["epoch"] for event in journal.events()] == [0, 1]
    assert journal.path.with_name("journal.jsonl.damaged").read_bytes() == damaged
    assert journal.repair() is None


def test_a_full_disk_is_reported_and_leaves_the_journal_intact(journal, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"journal\.jsonl cannot be written: No space left"):
        journal.append("epoch", epoch=4)
    assert journal.read().damage is None
