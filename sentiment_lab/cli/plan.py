"""`sentiment-lab plan`: list the jobs of a sweep without training them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sentiment_lab.base.console import console, print_message
from sentiment_lab.cli.arguments import Commands, add_command, add_json, add_overrides

if TYPE_CHECKING:
    from sentiment_lab.runs.job import Job
    from sentiment_lab.sweeps.forecast import Forecast
    from sentiment_lab.sweeps.launcher import Values

HEADINGS = ("hash", "run", "state", "expected s")


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Nothing is trained. Lists the jobs that `train -m` would run with the same settings."
    parser = add_command(commands, "plan", run, "list the jobs of a sweep, their state and expected time", details)
    add_overrides(parser, "model=gru,lstm seed=1,2,3", "+experiments=quickstart")
    parser.add_argument("-m", "--multirun", action="store_true", help="accepted as in `train -m`, but not needed")
    parser.add_argument("-cd", "--config-dir", metavar="DIR", help="a further folder of configs, as in `train`")
    parser.add_argument("--force", action="store_true", help="expect complete runs to be trained again, as in `train`")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    folder = [] if options.config_dir is None else ["--config-dir", options.config_dir]
    return plan([*folder, *options.overrides], as_json=options.json, force=options.force)


def plan(arguments: Sequence[str], *, as_json: bool, force: bool = False) -> int:
    """Print the jobs of a sweep: hash, name, state, and expected seconds of training.

    Raises ConfigError with the problems of all jobs.
    """
    from sentiment_lab.base.tables import render
    from sentiment_lab.sweeps.forecast import forecast, summary

    forecasts = forecast(planned_jobs(arguments), force=force)
    if as_json:
        print(json.dumps([_plain(job) for job in forecasts], indent=2))
    else:
        render(console(stderr=False), HEADINGS, map(_cells, forecasts), left=3)
        print_message(summary(forecasts))
    return 0


def planned_jobs(arguments: Sequence[str]) -> list[Job]:
    """Return the jobs of `train -m ARGUMENTS`, without duplicates.

    Raises ConfigError with the problems of all jobs.
    """
    from sentiment_lab.sweeps.hydra_app import run_hydra
    from sentiment_lab.sweeps.launcher import JobsLauncher

    os.environ["HYDRA_FULL_ERROR"] = "1"  # otherwise Hydra prints exceptions and exits
    planned: list[Job] = []

    def collect(jobs: Sequence[Job], command: Sequence[str]) -> Values:
        del command
        planned.extend(jobs)
        return [None] * len(jobs)

    run_hydra(["-m", *arguments], lambda _: None, partial(JobsLauncher, collect))
    return planned


def _plain(forecast: Forecast) -> dict[str, Any]:
    from sentiment_lab.config.identity import config_hash, variant_hash

    job, known = forecast.job, _is_known(forecast)
    return {
        "hash": job.folder.short_hash if known else None,
        "config_hash": config_hash(job.config) if known else None,
        "variant_hash": variant_hash(job.config) if known else None,
        "name": job.name,
        "variant": job.variant,
        "seed": job.config.seed,
        "state": forecast.state,
        "seconds_expected": forecast.seconds,
        "overrides": list(job.overrides),
    }


def _cells(forecast: Forecast) -> list[str]:
    from sentiment_lab.base.tables import DASH

    seconds = "?" if forecast.seconds is None else f"{forecast.seconds:.1f}"
    name = forecast.job.folder.short_hash if _is_known(forecast) else DASH
    return [name, forecast.job.name, forecast.state, seconds]


def _is_known(forecast: Forecast) -> bool:
    """Whether the config of a job is known; that of a job that waits for tuning is not."""
    from sentiment_lab.sweeps.forecast import WAITS

    return forecast.state != WAITS
