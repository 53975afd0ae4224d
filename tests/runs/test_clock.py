"""Runs on a machine whose clock is wrong or jumps."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from sentiment_lab.analysis.markdown.provenance import effort
from sentiment_lab.cli.runs import runs
from sentiment_lab.cli.show import show
from sentiment_lab.cli.watch import read_statuses
from sentiment_lab.runs.listing import list_runs
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.tracking.store import open_store
from tests.tiny import job_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
CLOCKS = {
    "back": (NOW - index * YEAR for index in itertools.count()),
    "jumping": (NOW + (-1) ** index * 10 * YEAR for index in itertools.count()),
    "still": itertools.repeat(NOW),
    "before 1970": itertools.repeat(datetime(1969, 6, 1, tzinfo=UTC)),
    "1970": itertools.repeat(datetime(1970, 1, 1, tzinfo=UTC)),
    "far": itertools.repeat(datetime(2200, 1, 1, tzinfo=UTC)),
}


@pytest.fixture(params=CLOCKS)
def clock(request, monkeypatch):
    """A clock that is wrong for all that asks it."""
    times = CLOCKS[request.param]
    wrong = SimpleNamespace(now=lambda _: next(times), fromisoformat=datetime.fromisoformat)
    for module in ("runs.journal", "runs.lock", "tracking.run_mirror"):
        monkeypatch.setattr(f"sentiment_lab.{module}.datetime", wrong)
    monkeypatch.setattr("time.time", lambda: next(times).timestamp())


@pytest.mark.usefixtures("clock")
def test_a_run_completes_and_is_mirrored_at_any_time_of_the_clock(tracked_linear, tmp_path, capsys):
    job = job_of(tracked_linear)
    result = execute(job)
    assert result.train_seconds >= 0
    assert job.folder.state == "complete"
    (stored,) = open_store(job.config.tracking, job.config.paths).search("", None)
    assert stored.info.status == "FINISHED"
    assert stored.data.metrics["test_accuracy"] == result.test.accuracy
    assert runs(str(tmp_path / "runs"), None, as_json=False) == 0
    assert show(str(tmp_path / "runs"), job.folder.short_hash, as_json=False) == 0
    assert job.folder.short_hash in capsys.readouterr().out
    (status,) = read_statuses(tmp_path / "runs", None).values()
    assert status.state == "complete"
    assert list_runs(tmp_path / "runs") == [job.folder]
    effort_line = effort([_study_run(job, result)], [])
    assert "-" not in effort_line.partition(":")[2]


def _study_run(job, result):
    return SimpleNamespace(short_hash=job.folder.short_hash, outcome=result, folder=job.folder)
