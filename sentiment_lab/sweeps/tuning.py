"""Tuning one setting (`study.choose`) on validation: trials with the first seed, all seeds with the best value.

With five seeds and three learning rates an architecture takes seven runs instead of fifteen. The test part plays no
role in the selection.
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
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import flatten, identity_of, with_left_out
from sentiment_lab.config.settings import LinearModel
from sentiment_lab.runs.job import Job
from sentiment_lab.training.result import Result

_NETWORK_SETTINGS, _SHARED_SETTING = ("text.", "optimizer.", "training."), "text.lowercase"
"""Prefixes of settings without effect on a linear model, and the one setting among them that it has too."""
_VALIDATION_SETTINGS = ("data.", "split.", "training.monitor")
"""Settings that change the validation score itself, so that scores of two values cannot be compared."""


@dataclass(frozen=True)
class TuningGroup:
    """Jobs that differ only in their seed and the tuned setting."""

    key: str
    """The setting, dotted."""
    jobs: Sequence[Job]
    """In the order requested; the trials use the seed of the first one."""

    @property
    def trials(self) -> list[Job]:
        """One job for each value, all with the first seed."""
        return [job for job in self.jobs if job.config.seed == self.jobs[0].config.seed]

    @property
    def waiting(self) -> list[Job]:
        """The trials that are neither complete nor failed."""
        return [job for job in self.trials if job.folder.state not in ("complete", "failed")]

    def best(self) -> Job | None:
        """Return the best trial on validation; None while a trial is waiting, or if all failed."""
        if self.waiting:
            return None
        scored = [(_score(job, result), job) for job in self.trials if (result := _result(job))]
        return min(scored, key=lambda pair: pair[0])[1] if scored else None

    def tuned(self) -> list[Job]:
        """Return the jobs of all seeds with the best value; none while that is unknown."""
        best = self.trials[0] if len(self.trials) == 1 else self.best()
        value = None if best is None else self.value(best)
        return [job for job in self.jobs if best is not None and self.value(job) == value]

    def value(self, job: Job) -> Any:
        """Return a job's value of the setting."""
        return _settings(job).get(self.key)

    def undecided(self) -> list[Job]:
        """Return a job for each seed beyond the first, named with an unknown value, while the value is unknown."""
        if self.tuned():
            return []
        others = [job for job in self.jobs if self.value(job) == self.value(self.jobs[0])][1:]
        name = self.key.rpartition(".")[2]
        return [replace(job, variant=re.sub(rf"\b{name}=\S+", f"{name}=?", job.variant)) for job in others]


def find_groups(jobs: Sequence[Job], key: str) -> list[TuningGroup]:
    """Group jobs by everything but their seed and the setting `key`.

    A model that the setting does not apply to keeps only its first value. Raises ConfigError when `key` is not a
    setting that can be tuned, or there is no validation part.
    """
    known = {name for job in jobs for name in _settings(job) if name != "seed"}
    known = {name for name in known if not name.startswith(_VALIDATION_SETTINGS)}
    if key not in known:
        hint = did_you_mean(key, known) or ", such as optimizer.learning_rate"
        raise ConfigError([f"study.choose must name a setting that can be tuned on validation, got {key!r}{hint}"])
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        if job.config.split.validation_is_test or not job.config.split.validation:
            raise ConfigError(["study.choose needs a validation part other than the test part: split.validation=0.1"])
        rest = {name: value for name, value in _settings(job).items() if name not in ("seed", key)}
        groups.setdefault(json.dumps(rest, sort_keys=True), []).append(job)
    return [TuningGroup(key, _applying(members, key)) for members in groups.values()]


def describe(group: TuningGroup) -> str:
    """Return one line with the tuned value and the scores of all trials, or why there is none."""
    if group.waiting:
        states = ", ".join(f"{job.name} is {job.folder.state}" for job in group.waiting)
        return f"{states}: {group.key} is not tuned yet, so the other seeds wait; rerun the same command to resume"
    best = group.best()
    if best is None:
        names = ", ".join(job.name for job in group.trials)
        return f"every trial failed: {names}; the other seeds are not run"
    monitor = best.config.training.monitor
    scores = []
    for job in group.trials:
        result = _result(job)
        score = "failed" if result is None else f"{abs(_score(job, result)):.4f}"
        scores.append(f"{json.dumps(group.value(job))} {score}")
    return f"{best.variant}: chosen by {monitor.replace('_', ' ')} ({', '.join(scores)})"


def _applying(jobs: Sequence[Job], key: str) -> list[Job]:
    """Return the jobs whose value has an effect: for a linear model and a network's setting, those of one value."""
    linear = isinstance(jobs[0].config.model, LinearModel)
    if not (linear and key.startswith(_NETWORK_SETTINGS) and key != _SHARED_SETTING):
        return list(jobs)
    first = _settings(jobs[0]).get(key)
    return [job for job in jobs if _settings(job).get(key) == first]


def _settings(job: Job) -> Mapping[str, Any]:
    return with_left_out(flatten(identity_of(job.config)))


def _result(job: Job) -> Result | None:
    try:
        return job.folder.result() if job.folder.state == "complete" else None
    except LabError:  # damaged: the sweep printed that
        return None


def _score(job: Job, result: Result) -> float:
    """Return `training.monitor` of the kept epoch, negated for accuracy, so that less is better."""
    kept = result.kept
    if job.config.training.monitor == "validation_loss":
        return math.inf if kept.validation_loss is None else kept.validation_loss
    return -(kept.validation_accuracy or 0.0)
