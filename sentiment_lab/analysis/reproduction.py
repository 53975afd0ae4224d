"""The verdict on a reproduction: bit-identical, within tolerance, statistically equivalent, or diverged.

docs/reproducibility.md describes the rule and its error rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from sentiment_lab.analysis.predictions import read_test_predictions
from sentiment_lab.analysis.seed_band import RATES, Numbers, SeedBand
from sentiment_lab.config.identity import flatten
from sentiment_lab.runs.folder import RunFolder
from sentiment_lab.runs.journal_callback import without_times
from sentiment_lab.runs.provenance import Difference, differences, most_likely_first
from sentiment_lab.runs.reproduction import (
    DIVERGED,
    EQUIVALENT,
    IDENTICAL,
    WITHIN,
    Original,
    Verdict,
    epochs_of,
    gaps,
)
from sentiment_lab.runs.seeds import KnownSeeds
from sentiment_lab.training.result import Result

TOLERANCE = 0.01
"""Default of the largest difference of a loss (nats) or a score that counts as the same result without any test."""
_CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
_TEST = (0, "test_accuracy")


@dataclass(frozen=True)
class AccuracyTest:
    """The test that two runs differ in test accuracy by more than two seeds do."""

    difference: float
    deviations: float
    """The difference in standard deviations of the difference of two seeds."""
    p_value: float
    paired: bool


def compare_runs(
    original: Original,
    again: RunFolder,
    causes: Sequence[Difference],
    tolerance: float = TOLERANCE,
    *,
    deterministic: bool,
    known: KnownSeeds | None = None,
) -> Verdict:
    """Compare two complete runs of one config.

    `causes` are the differences found before the second one started, `known` the runs that show how seeds vary.
    Raises DamageError for a damaged file of either.
    """
    before, after = original.result(), again.result()
    known = known or KnownSeeds()
    causes = [*causes, *_path_differences(before, after)]
    same = {
        "same_weights": before.weights_digest == after.weights_digest,
        "same_predictions": original.predictions_digest() == again.predictions_digest(),
        "same_epochs": _epoch_numbers(original) == _epoch_numbers(again),
    }
    scores = _common_scores(before, after)
    largest, where = _largest_difference(original, again, scores)
    study = [list(map(numbers_of, runs)) for runs in known.study]
    band = SeedBand([numbers_of(run) for run in (original, *known.seeds)], _sizes(original), study)
    exact, outside = exact_differences(original, again), band.outside(numbers_of(again))
    test = compare_accuracies(band, before.test.accuracy, after.test.accuracy, _correctness(original, again))
    if all(same.values()) and scores[0] == scores[1]:
        verdict = IDENTICAL
    else:
        verdict = decide(exact=bool(exact), within=largest <= tolerance, outside=bool(outside), test=test)
    ordered = most_likely_first(causes, rounding=verdict != DIVERGED)
    explained = "" if verdict == IDENTICAL else _explanation(original, ordered, exact, deterministic=deterministic)
    return Verdict(
        verdict=verdict,
        epoch=next((one.epoch for one in outside if one.epoch), None) if verdict == DIVERGED and not exact else None,
        largest_difference=largest,
        where=where if largest else "" if verdict == IDENTICAL else "only weights or predictions",
        explanation=explained,
        layers=list(map(str, ordered)),
        tolerance=tolerance,
        seeds=len(known.seeds),
        variants=band.variants,
        points=100 * test.difference,
        deviations=test.deviations,
        p_value=test.p_value,
        paired=test.paired,
        outside=list(map(str, outside)),
        exact=exact,
        **same,
    )


def decide(*, exact: bool, within: bool, outside: bool, test: AccuracyTest) -> str:
    """Return the verdict on a run that is not identical to the original.

    `exact`: a number differs that no rounding changes; `within`: every difference is within the tolerance; `outside`:
    a loss or an accuracy lies outside the seeds' band.
    """
    if exact:
        return DIVERGED
    if within:
        return WITHIN
    return DIVERGED if outside or test.p_value < RATES["test"] else EQUIVALENT


def compare_accuracies(
    band: SeedBand, before: float, after: float, correct: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None
) -> AccuracyTest:
    """Test whether two test accuracies differ by more than those of two seeds.

    `correct` (reviews,) marks what each run classifies correctly; None where labels are not recorded. McNemar's test
    has the variance of two fixed models, and with many reviews it finds two seeds of one variant different. Its
    standard error is therefore that of the seeds' difference where this is larger.
    """
    difference = after - before
    seeds = math.sqrt(2) * band.std(_TEST)
    paired = math.sqrt(int((correct[0] != correct[1]).sum())) / len(correct[0]) if correct else 0.0
    error = max(seeds, paired)
    size = abs(difference) / error if error else math.inf if difference else 0.0
    p_value = band.tail(_TEST, size) if seeds >= paired else 2 * float(ndtr(-size))
    return AccuracyTest(
        difference, difference / seeds if seeds else math.copysign(size, difference), p_value, bool(correct)
    )


def numbers_of(run: Original) -> Numbers:
    """Return losses and accuracies of a run by epoch and name; those of the test part have epoch 0."""
    epochs = epochs_of(run)
    curves = {(epoch["epoch"], name): epoch[name] for epoch in epochs for name in _CURVES if epoch[name] is not None}
    test = run.result().test
    return {**curves, _TEST: test.accuracy, (0, "test_loss"): test.loss}


def exact_differences(original: Original, again: Original) -> list[str]:
    """Return the numbers that differ although rounding cannot change them: sizes, tokens, hashes, learning rates."""
    was, now = _exact_numbers(original), _exact_numbers(again)
    return [
        f"{name} was {was[name]}, is {now[name]}" for name in was if name in now and not _equal(was[name], now[name])
    ]


def _exact_numbers(run: Original) -> dict[str, Any]:
    result = run.result()
    patience = run.config()["training"].get("patience")
    return {
        "data_hash": result.data_hash,
        "split_hash": result.split_hash,
        **flatten(_parts(run)),
        "parameters": result.parameters,
        **({"epochs": len(result.epochs)} if patience is None else {}),
        **{f"learning_rate after epoch {epoch.epoch}": epoch.learning_rate for epoch in result.epochs},
    }


def _parts(run: Original) -> dict[str, dict[str, float]]:
    """Return reviews, tokens and share of positive reviews of each part; empty where they are not recorded."""
    return next((event.get("parts", {}) for event in run.events() if event["event"] == "data"), {})


def _sizes(run: Original) -> dict[str, int]:
    return {name: int(part["reviews"]) for name, part in _parts(run).items()}


def _equal(was: Any, now: Any) -> bool:
    return math.isclose(was, now, rel_tol=1e-4) if isinstance(was, float) else bool(was == now)


def _path_differences(before: Result, after: Result) -> list[Difference]:
    paths = ({"execution_path": before.execution_path}, {"execution_path": after.execution_path})
    return [Difference("processor", one.name, one.was, one.now) for one in differences(*paths)]


def _epoch_numbers(run: Original) -> list[dict[str, Any]]:
    return list(map(without_times, epochs_of(run)))


def _largest_difference(
    original: Original, again: Original, scores: Sequence[Mapping[str, float]]
) -> tuple[float, str]:
    def found() -> Iterator[tuple[float, str]]:
        one, other = _epoch_numbers(original), _epoch_numbers(again)
        for before, after in zip(one, other, strict=False):
            yield from ((value, f"epoch {before['epoch']} {name}") for value, name in gaps(before, after))
        if len(one) != len(other):
            yield math.inf, "number of epochs"
        yield from ((value, f"test_{name}") for value, name in gaps(*scores))

    return max(found(), default=(0.0, ""))


def _common_scores(before: Result, after: Result) -> list[dict[str, float]]:
    """Return the test scores that both results have: an earlier version of the project may compute fewer."""
    first, second = before.test.by_name(), after.test.by_name()
    return [{name: scores[name] for name in first if name in second} for scores in (first, second)]


def _correctness(original: Original, again: RunFolder) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return which test reviews each run classifies correctly; None where the labels of the original are unknown."""
    test, before = read_test_predictions(again), original.predicted_labels()
    if before is None or original.result().split_hash != again.result().split_hash:
        return None
    return before == (test.labels == 1), test.correct


def _explanation(original: Original, causes: Sequence[Difference], exact: Sequence[str], *, deterministic: bool) -> str:
    if causes:
        return str(causes[0])
    if exact:
        return "data or code changed without a record of it"
    mixed = [line for event in original.events() for line in event.get("differs", [])]
    if mixed:
        return f"the original was resumed after a change ({mixed[0]})"
    if not deterministic:
        return "training.deterministic is false"
    return "no recorded difference explains it"
