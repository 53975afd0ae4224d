"""An interruption is not lost, whatever the program does when the signal arrives."""

from __future__ import annotations

import os
import signal

import pytest

from sentiment_lab.base import signals
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.sweep import run_sweep
from tests.tiny import job_of


@pytest.mark.parametrize(("number", "text"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "stopped by SIGTERM")])
def test_an_interruption_whose_exception_python_dropped_is_raised_again(number, text, default_signals):
    signals.install_handlers()
    with pytest.raises(KeyboardInterrupt, match=text):  # as if it had been dropped
        os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt, match=text):
        signals.check()
    signals.install_handlers()
    signals.check()


def test_a_process_that_was_started_with_sigint_ignored_keeps_it_so(default_signals):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals.install_handlers()
    os.kill(os.getpid(), signal.SIGINT)
    signals.check()


def test_a_dropped_interruption_ends_the_training(tiny, monkeypatch):
    job = job_of(tiny)
    monkeypatch.setattr(signals, "_interruptions", ["interrupted"])
    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        execute(job)
    assert job.folder.state == "interrupted"


def test_a_dropped_interruption_ends_the_sweep_before_its_next_job(tiny, monkeypatch):
    jobs = [job_of([*tiny, f"seed={seed}"]) for seed in (1, 2)]
    monkeypatch.setattr(signals, "_interruptions", ["interrupted"])
    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        run_sweep(jobs, ["seed=1,2"])
    assert [job.folder.state for job in jobs] == ["new", "new"]
