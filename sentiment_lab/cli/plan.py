"""`sentiment-lab plan`: what `train -m` would run. Trains nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from sentiment_lab.base.console import console, print_message
from sentiment_lab.base.tables import DASH, render
from sentiment_lab.config.identity import config_hash, variant_hash
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.forecast import WAITS, Forecast, forecast, summary
from sentiment_lab.sweeps.hydra_app import run_hydra
from sentiment_lab.sweeps.launcher import JobsLauncher, Values

HEADINGS = ("hash", "run", "state", "expected s")


def plan(overrides: Sequence[str], *, as_json: bool) -> int:
    """List the jobs of a sweep: hash, what differs, state, and the seconds of training expected.

    Raises ConfigError with the problems of all jobs.
    """
    forecasts = forecast(planned_jobs(overrides))
    if as_json:
        print(json.dumps([_plain(job) for job in forecasts], indent=2))
    else:
        render(console(stderr=False), HEADINGS, map(_cells, forecasts), left=3)
        print_message(summary(forecasts))
    return 0


def planned_jobs(overrides: Sequence[str]) -> list[Job]:
    """Return the jobs of `train -m OVERRIDES`, those that differ.

    Raises ConfigError with the problems of all jobs.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes exceptions on instead of printing them
    planned: list[Job] = []

    def collect(jobs: Sequence[Job], command: Sequence[str]) -> Values:
        del command
        planned.extend(jobs)
        return [None] * len(jobs)

    run_hydra(["-m", *overrides], lambda _: None, partial(JobsLauncher, collect))
    return planned


def _plain(planned: Forecast) -> dict[str, Any]:
    job = planned.job
    open_ = planned.state == WAITS
    return {
        "hash": None if open_ else job.folder.short_hash,
        "config_hash": None if open_ else config_hash(job.config),
        "variant_hash": None if open_ else variant_hash(job.config),
        "name": job.name,
        "variant": job.variant,
        "seed": job.config.seed,
        "state": planned.state,
        "seconds_expected": planned.seconds,
        "overrides": list(job.overrides),
    }


def _cells(planned: Forecast) -> list[str]:
    seconds = "?" if planned.seconds is None else f"{planned.seconds:.1f}"
    name = DASH if planned.state == WAITS else planned.job.folder.short_hash
    return [name, planned.job.name, planned.state, seconds]
