"""Measure how often the verdict of `reproduce` is wrong; writes REPRODUCTION.md.

    python -m benchmarks.reproduction [--seeds 36] [--bugs 14]

Small networks (GRU, LSTM, simple RNN) are trained on generated reviews. A run with another seed stands for a run on
another processor: its verdict should not be `diverged`. Runs with the original's seed and a planted bug should be
`diverged`. The rates are those of curves and accuracy alone. The numbers that no rounding changes reveal some bugs at
once: here the reviews, tokens and share of positive reviews of each part, and the size of the vocabulary. The last
column counts a bug as found if one of them or the curves reveal it, as `reproduce` does. (The share of positive reviews
stays where as many labels are flipped one way as the other, which is no case among these 14 draws.)

- mask dropped: padding to the longest review is read like words
- 2 % of labels flipped: in the training part, after it was hashed
- another tokenizer: words are what stands between spaces

Each training is decided six times, with other seeds drawn as the known ones, and with all cells as variants of one
study. The published records give the rate of false alarms without training: each seed in turn is the reproduction of
another one, and the other three are known. Trainings take 10 minutes of one core; finished ones are kept in
build/bench/reproduction.jsonl, and the next run continues after them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocol import ROOT
from benchmarks.results import now
from sentiment_lab.analysis.reproduction import TOLERANCE, compare_accuracies, decide, numbers_of
from sentiment_lab.analysis.seed_band import Numbers, SeedBand
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import variant_of
from sentiment_lab.runs.published import PublishedRun, published_runs
from sentiment_lab.runs.reproduction import DIVERGED
from sentiment_lab.runs.seeds import known_seeds

if TYPE_CHECKING:
    from sentiment_lab.data.dataset import Dataset

FILE = ROOT / "benchmarks" / "REPRODUCTION.md"
STORED = ROOT / "build" / "bench" / "reproduction.jsonl"
CELLS = ("gru", "lstm", "simple_rnn")
NONE, MASK, LABELS, TOKENIZER = "none", "mask dropped", "2 % of labels flipped", "another tokenizer"
BUGS = (MASK, LABELS, TOKENIZER)
RECIPE = (
    *("data.reviews=1600", "data.length=16", "data.distance=1", "data.turned=0.0", "split.test=400"),
    *("model.units=[16]", "model.embedding_size=16", "model.pooling=last", "model.dropout=0.1"),
    *("optimizer.learning_rate=0.01", "training.epochs=6", "training.batch_size=64", "training.batching=shuffled"),
    *("launch.threads=1", "launch.progress=none", "tracking=none"),
)
WIDTH = 60
"""Tokens to which reviews are padded where the mask is dropped."""
KNOWN = 4
"""Known seeds besides the original's."""
DRAWS = 6
"""Verdicts on each training, with other seeds drawn as known ones."""


def train(cell: str, seed: int, bug: str, cache: Path) -> dict[str, Any]:
    """Train one network, with a bug, and return its numbers."""
    from sentiment_lab.data.dataset import build_dataset
    from sentiment_lab.training.callbacks import Callback
    from sentiment_lab.training.train import train_and_evaluate

    with ExitStack() as stack:
        for target, name, value in _patches(bug):
            stack.enter_context(patch.object(target, name, value))
        config = compose_config([f"model={cell}", f"seed={seed}", *RECIPE])
        dataset = build_dataset(config, cache / ("spaces" if bug == TOKENIZER else "words"))
        if bug == LABELS:
            dataset = replace(dataset, train=replace(dataset.train, labels=flipped(dataset.train.labels, seed)))
        outcome = train_and_evaluate(config, dataset, Callback())
    test, result = outcome.predictions["test"], outcome.result
    return {
        "cell": cell,
        "seed": seed,
        "bug": bug,
        "exact": exact_numbers(dataset),
        "epochs": [asdict(epoch) for epoch in result.epochs],
        "test_accuracy": result.test.accuracy,
        "test_loss": result.test.loss,
        "correct": "".join(map(str, ((test.probabilities > 0.5) == (test.labels == 1)).astype(int))),
    }


def flipped(labels: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    """Return labels (reviews,) of which 2 % are flipped."""
    chosen = np.random.default_rng(seed).choice(len(labels), round(0.02 * len(labels)), replace=False)
    changed = labels.copy()
    changed[chosen] = 1 - labels[chosen]
    return changed


def exact_numbers(dataset: Dataset) -> dict[str, Any]:
    """Return what the journal records of the data that a network is trained on, and the size of its vocabulary."""
    return {**dataset.describe(), "vocabulary": dataset.vocabulary.size}


def _patches(bug: str) -> Iterator[tuple[Any, str, Any]]:
    from sentiment_lab.data import tokenized_texts
    from sentiment_lab.training import trainer

    if bug == TOKENIZER:
        yield tokenized_texts, "tokenize", lambda text, *, lowercase: (text.lower() if lowercase else text).split()
    if bug == MASK:
        build, step = trainer.build_recurrent, trainer.Trainer.train_step
        yield trainer, "build_recurrent", lambda *args, masked: build(*args, masked=masked and False)
        yield (
            trainer.Trainer,
            "train_step",
            lambda self, ids, labels: step(self, np.pad(ids, ((0, 0), (0, max(0, WIDTH - ids.shape[1])))), labels),
        )


def train_all(wanted: Sequence[tuple[str, int, str]]) -> list[dict[str, Any]]:
    """Train what is not stored yet; return all wanted runs."""
    STORED.parent.mkdir(parents=True, exist_ok=True)
    lines = STORED.read_text(encoding="utf-8").splitlines() if STORED.exists() else []
    runs = {(run["cell"], run["seed"], run["bug"]): run for run in map(json.loads, lines)}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as cache, STORED.open("a", encoding="utf-8") as file:
        for key in wanted:
            if key not in runs:
                runs[key] = train(*key, Path(cache))
                file.write(json.dumps(runs[key]) + "\n")
                file.flush()
                print(*key, f"accuracy {runs[key]['test_accuracy']:.3f}", file=sys.stderr, flush=True)
    return [runs[key] for key in wanted]


def numbers(run: Mapping[str, Any]) -> Numbers:
    """Return losses and accuracies of a stored training by epoch and name."""
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    curves = {(epoch["epoch"], name): epoch[name] for epoch in run["epochs"] for name in names}
    return {**curves, (0, "test_accuracy"): run["test_accuracy"], (0, "test_loss"): run["test_loss"]}


Variants = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Trainings without a bug by cell and seed."""


def verdict(
    original: Numbers,
    again: Numbers,
    others: Sequence[Numbers],
    study: Sequence[Sequence[Numbers]],
    correct: Any = None,
) -> str:
    """Return the verdict by curves and accuracy alone; `correct` marks what both runs classify correctly."""
    band = SeedBand([original, *others], study=study)
    within = max(abs(again[number] - value) for number, value in original.items()) <= TOLERANCE
    test = compare_accuracies(band, original[0, "test_accuracy"], again[0, "test_accuracy"], correct)
    return decide(exact=False, within=within, outside=bool(band.outside(again)), test=test)


def simulated_verdict(
    draw: random.Random, cell: str, again: Mapping[str, Any], original: Mapping[str, Any] | None, variants: Variants
) -> str:
    """Return the verdict on a training, with drawn seeds as known ones; without an original, that is drawn too."""
    own = [run for run in variants[cell].values() if run is not again and run is not original]
    if original is None:
        original, *others = draw.sample(own, KNOWN + 1)
    else:
        others = draw.sample(own, KNOWN)
    study = [draw.sample([*runs.values()], KNOWN + 1) for name, runs in variants.items() if name != cell]
    return verdict(
        numbers(original),
        numbers(again),
        list(map(numbers, others)),
        [list(map(numbers, seeds)) for seeds in study],
        pair(original, again),
    )


def seed_verdicts(cell: str, variants: Variants) -> list[str]:
    """Return the verdicts on the runs of a cell without a bug: each against another seed, with others known."""
    draw = random.Random(0)  # noqa: S311  # no secret
    runs = [*variants[cell].values()] * DRAWS
    return [simulated_verdict(draw, cell, again, None, variants) for again in runs]


def bug_verdicts(cell: str, bugged: Sequence[Mapping[str, Any]], variants: Variants) -> list[tuple[str, bool]]:
    """Return the verdicts on runs with a bug against the run of the same seed, and whether an exact number differs."""
    draw, verdicts = random.Random(1), []  # noqa: S311
    for again in [*bugged] * DRAWS:
        original = variants[cell][again["seed"]]
        by_curves = simulated_verdict(draw, cell, again, original, variants)
        verdicts.append((by_curves, again["exact"] != original["exact"]))
    return verdicts


def pair(one: Mapping[str, Any], other: Mapping[str, Any]) -> Any:
    """Return which test reviews two trainings classify correctly (reviews,)."""
    return tuple(np.array(list(run["correct"])) == "1" for run in (one, other))


def published_verdicts(source: str, family: str, known: int) -> list[str]:
    """Return the verdicts on published seeds: each in turn is the reproduction of another one of its variant.

    `known` more seeds are known, and all seeds of the other variants of the study; without any, only the original is.
    """
    studies: dict[tuple[str, str], dict[str, dict[int, Numbers]]] = {}
    for run in published_runs():
        config, result = run.config(), run.result()
        kind = "recurrent" if config["model"]["family"] == "recurrent" else "linear"
        if (config["data"]["source"], kind) == (source, family):
            study = studies.setdefault((run.plain["study"], result.split_hash), {})
            study.setdefault(variant_of(config), {})[config["seed"]] = numbers_of(run)
    verdicts = []
    for variants in studies.values():
        for name, seeds in variants.items():
            study_seeds = [[*other.values()] for label, other in variants.items() if label != name and known]
            for seed, again in seeds.items():
                original, *others = [other for label, other in seeds.items() if label != seed]
                verdicts.append(verdict(original, again, others[:known], study_seeds))
    return verdicts


def two_processors() -> list[tuple[str, float, str]]:
    """Return name, difference of test accuracy and verdict of the runs published from two different processors."""
    records: dict[str, dict[str, PublishedRun]] = {}
    for run in published_runs():
        records.setdefault(run.short_hash, {})[run.environment()["processor"]] = run
    return [_on_two_processors(*list(runs.values())[:2]) for runs in records.values() if len(runs) > 1]


def _on_two_processors(one: PublishedRun, other: PublishedRun) -> tuple[str, float, str]:
    known = known_seeds(one, Path("nowhere"))
    study = [list(map(numbers_of, runs)) for runs in known.study]
    first, second = numbers_of(one), numbers_of(other)
    found = verdict(first, second, list(map(numbers_of, known.seeds)), study)
    return str(one.plain["name"]), second[0, "test_accuracy"] - first[0, "test_accuracy"], found


def rate(verdicts: Sequence[str]) -> str:
    """Return the share of `diverged` with its counts."""
    found = verdicts.count(DIVERGED)
    return f"{100 * found / len(verdicts):.1f} % ({found} of {len(verdicts)})"


def page(by_cell: Mapping[str, Mapping[str, Sequence[Any]]]) -> str:
    """Return REPRODUCTION.md."""
    seeds = list(itertools.chain.from_iterable(by_cell[cell][NONE] for cell in CELLS))
    alarms = [
        ("generated reviews, small networks, 4 other seeds known", seeds),
        ("published IMDB runs, networks, 3 other seeds known", published_verdicts("imdb", "recurrent", 3)),
        ("published IMDB runs, networks, no other seed known", published_verdicts("imdb", "recurrent", 0)),
        ("published IMDB runs, linear baselines, 3 other seeds known", published_verdicts("imdb", "linear", 3)),
        (
            "published generated reviews (claims_distance), 3 other seeds",
            published_verdicts("generated", "recurrent", 3),
        ),
    ]
    lines = [
        "# How often the verdict of `reproduce` is wrong",
        "",
        (__doc__ or "").split("\n\n", 2)[2].strip(),
        "",
        f"`python -m benchmarks.reproduction`, {now()[:10]}.",
        "",
        "## Only the seed changes: share of `diverged` (target: at most 5 %)",
        "",
        "| runs | diverged | target |",
        "| --- | ---: | --- |",
        *(f"| {name} | {rate(found)} | {_met(found, at_most=0.05)} |" for name, found in alarms),
        "",
        *_by_cell(by_cell),
        "",
        "## A planted bug: share of `diverged` (target: at least 95 %)",
        "",
        f"| bug | {' | '.join(CELLS)} | all, by curves and accuracy | target | with exact numbers | target |",
        f"| --- | {' | '.join('---:' for _ in CELLS)} | ---: | --- | ---: | --- |",
        *(_bug_row(bug, by_cell) for bug in BUGS),
        "",
        "## Published runs that two processors computed",
        "",
        "| run | difference of test accuracy, points | verdict |",
        "| --- | ---: | --- |",
        *(f"| {name} | {100 * difference:+.2f} | {found} |" for name, difference, found in two_processors()),
        "",
    ]
    return "\n".join(lines)


def _by_cell(by_cell: Mapping[str, Mapping[str, Sequence[Any]]]) -> list[str]:
    rates = "; ".join(f"{cell} {rate(by_cell[cell][NONE])}" for cell in CELLS)
    return [f"By cell: {rates}."]


def _bug_row(bug: str, by_cell: Mapping[str, Mapping[str, Sequence[Any]]]) -> str:
    decided = [one for cell in CELLS for one in by_cell[cell][bug]]
    curves = [name for name, _ in decided]
    exact = [DIVERGED if differs else name for name, differs in decided]
    cells = " | ".join(rate([name for name, _ in by_cell[cell][bug]]) for cell in CELLS)
    rates = " | ".join(f"{rate(found)} | {_met(found, at_least=0.95)}" for found in (curves, exact))
    return f"| {bug} | {cells} | {rates} |"


def _met(verdicts: Sequence[str], at_most: float = 1.0, at_least: float = 0.0) -> str:
    share = verdicts.count(DIVERGED) / len(verdicts)
    return "met" if at_least <= share <= at_most else "missed"


def main() -> int:
    """Train, decide, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=36, help="seeds of each cell without a bug (default: %(default)s)")
    parser.add_argument("--bugs", type=int, default=14, help="seeds of each cell and bug (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=FILE)
    options = parser.parse_args()
    wanted = [(cell, seed, bug) for bug in (NONE, *BUGS) for cell in CELLS for seed in range(options.bugs)]
    wanted += [(cell, seed, NONE) for cell in CELLS for seed in range(options.bugs, options.seeds)]
    runs = train_all(wanted)
    variants = {cell: {run["seed"]: run for run in runs if (run["cell"], run["bug"]) == (cell, NONE)} for cell in CELLS}
    by_cell: dict[str, dict[str, Sequence[Any]]] = {}
    for cell in CELLS:
        by_cell[cell] = {NONE: seed_verdicts(cell, variants)}
        for bug in BUGS:
            bugged = [run for run in runs if (run["cell"], run["bug"]) == (cell, bug)]
            by_cell[cell][bug] = bug_verdicts(cell, bugged, variants)
    options.output.write_text(page(by_cell), encoding="utf-8")
    print(f"written: {options.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
