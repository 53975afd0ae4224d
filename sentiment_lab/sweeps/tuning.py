"""A setting that validation chooses: its values are tried with the first seed, the other seeds run with the best one.

With five seeds and three learning rates that is seven runs of an architecture instead of fifteen, and the test part
plays no role in the choice.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.identity import flatten, identity_of, with_left_out
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.config.settings import LinearModel
from sentiment_lab.runs.job import Job
from sentiment_lab.training.result import Result

_NOT_OF_LINEAR, _OF_BOTH = ("text.", "optimizer.", "training."), "text.lowercase"
_WHAT_IS_MEASURED = ("data.", "split.", "training.monitor")
"""Settings with which validation is another, so that its numbers say nothing of which value is better."""


@dataclass(frozen=True)
class TuningGroup:
    """Jobs that are the same but for their seed and the setting that is chosen."""

    key: str
    """The setting, dotted."""
    jobs: Sequence[Job]
    """In the order asked; the seed of the first one is that by which the setting is chosen."""

    @property
    def tries(self) -> list[Job]:
        """One job for each value, all with the first seed."""
        return [job for job in self.jobs if job.config.seed == self.jobs[0].config.seed]

    @property
    def waiting(self) -> list[Job]:
        """The tries that may still be the best: neither complete nor failed."""
        return [job for job in self.tries if job.folder.state not in ("complete", "failed")]

    def best(self) -> Job | None:
        """Return the try that was best on validation; None while one of them may still be, or where all failed."""
        if self.waiting:
            return None
        scored = [(_score(job, result), job) for job in self.tries if (result := _result(job))]
        return min(scored, key=lambda pair: pair[0])[1] if scored else None

    def chosen(self) -> list[Job]:
        """Return the jobs of all seeds that have the best value; none while that is not known."""
        best = self.tries[0] if len(self.tries) == 1 else self.best()
        value = None if best is None else self.value(best)
        return [job for job in self.jobs if best is not None and self.value(job) == value]

    def value(self, job: Job) -> Any:
        """Return what a job has of the setting."""
        return _settings(job).get(self.key)

    def undecided(self) -> list[Job]:
        """Return a job for each seed beyond the first, its value still open: what a plan can say of them."""
        if self.chosen():
            return []
        others = [job for job in self.jobs if self.value(job) == self.value(self.jobs[0])][1:]
        name = self.key.rpartition(".")[2]
        return [replace(job, variant=re.sub(rf"\b{name}=\S+", f"{name}=?", job.variant)) for job in others]


def find_groups(jobs: Sequence[Job], key: str) -> list[TuningGroup]:
    """Group jobs by everything but their seed and the setting `key`.

    Where a setting does not apply to a model, its first value is the only one. Raises ConfigError where `key` is no
    setting that a sweep can choose, or there is nothing but the test part to choose by.
    """
    known = {name for job in jobs for name in _settings(job) if name != "seed"}
    known = {name for name in known if not name.startswith(_WHAT_IS_MEASURED)}
    if key not in known:
        hint = did_you_mean(key, known) or ", such as optimizer.learning_rate"
        raise ConfigError([f"study.choose must name a setting that validation can choose, got {key!r}{hint}"])
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        if job.config.split.validation_is_test or not job.config.split.validation:
            raise ConfigError(["study.choose needs a validation part that is not the test part: split.validation=0.1"])
        rest = {name: value for name, value in _settings(job).items() if name not in ("seed", key)}
        groups.setdefault(json.dumps(rest, sort_keys=True), []).append(job)
    return [TuningGroup(key, _applying(members, key)) for members in groups.values()]


def describe(candidates: TuningGroup) -> str:
    """Return in a line what was chosen, and by what."""
    if candidates.waiting:
        states = ", ".join(f"{job.name} is {job.folder.state}" for job in candidates.waiting)
        return f"{states}: {candidates.key} is not chosen yet, and its other seeds wait; the same command goes on"
    best = candidates.best()
    if best is None:
        names = ", ".join(job.name for job in candidates.tries)
        return f"every try failed: {names}; their other seeds are not run"
    monitor = best.config.training.monitor
    tried = []
    for job in candidates.tries:
        result = _result(job)
        score = "failed" if result is None else f"{abs(_score(job, result)):.4f}"
        tried.append(f"{json.dumps(candidates.value(job))} {score}")
    return f"{best.variant}: chosen by {monitor.replace('_', ' ')} ({', '.join(tried)})"


def _applying(jobs: Sequence[Job], key: str) -> list[Job]:
    if not (isinstance(jobs[0].config.model, LinearModel) and key.startswith(_NOT_OF_LINEAR) and key != _OF_BOTH):
        return list(jobs)
    first = _settings(jobs[0]).get(key)
    return [job for job in jobs if _settings(job).get(key) == first]


def _settings(job: Job) -> Mapping[str, Any]:
    return with_left_out(flatten(identity_of(job.config)))


def _result(job: Job) -> Result | None:
    try:
        return job.folder.result() if job.folder.state == "complete" else None
    except LabError:  # damaged: the sweep has said so
        return None


def _score(job: Job, result: Result) -> float:
    """Return what `training.monitor` was in the epoch that is kept, so that less is better."""
    kept = result.kept
    if job.config.training.monitor == "validation_loss":
        return math.inf if kept.validation_loss is None else kept.validation_loss
    return -(kept.validation_accuracy or 0.0)
