"""Search: the best validation accuracy after so many runs, by TPE and by random search.

A GRU on generated reviews whose sentiment stands far from its cause, with a learning rate from 1e-4 to 1, units,
dropout and batch size to choose. Each repeat has seeds of its own, for the network and for what is drawn; a trial is
one run. The ratio is random search's error over TPE's at the end: above 1 TPE has found the better one.
"""

from __future__ import annotations

import statistics

from benchmarks.overhead import timed
from benchmarks.results import Measured, Values, ratio
from benchmarks.suite import Suite, print_message

TITLE = "Search"
FIXED = (
    *("data.reviews=1500", "data.length=24", "data.distance=8", "model=gru", "model.embedding_size=16"),
    *("training.epochs=3", "study.pruner=none", "tracking=none", "launch.progress=none"),
    *("optimizer.schedule=constant", "optimizer.warmup=0"),
)
SPACE = (
    "optimizer.learning_rate=tag(log,interval(1e-4,1))",
    "model.units=choice([4],[8],[16],[32])",
    "model.dropout=interval(0,0.8)",
    "training.batch_size=choice(16,32,64,128)",
)
SAMPLERS = {"tpe": "TPE", "random": "random search"}


def measure(suite: Suite) -> Measured:
    """Search with both, in turns."""
    values = Values()
    repeats, trials, marks = suite.pick(full=(5, 30, (5, 10, 20, 30)), quick=(1, 6, (3, 6)), smoke=(1, 2, (2,)))
    ends: dict[str, list[float]] = {name: [] for name in SAMPLERS.values()}
    for repeat in range(repeats):
        for sampler, name in SAMPLERS.items():
            print_message(f"  {name}, repeat {repeat + 1} of {repeats}")
            best = _best_so_far(suite, sampler, trials, 100 * repeat)
            for mark in marks:
                values.add(name, f"after {mark} runs", "% validation accuracy", 100 * best[mark - 1])
            ends[name].append(100 * best[-1])
    error = {name: 100 - statistics.fmean(found) for name, found in ends.items()}
    found = ratio(error["TPE"], error["random search"], higher_is_better=False)
    return values.measured({"TPE vs random search": found}, [])


def _best_so_far(suite: Suite, sampler: str, trials: int, seed: int) -> list[float]:
    """Return the best validation accuracy after each trial."""
    import optuna

    root = suite.work / f"search-{sampler}-{seed}"
    places = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={suite.work / 'tiny'}"]
    words = [f"study.trials={trials}", f"study.sampler={sampler}", f"seed={seed}", *FIXED, *SPACE, *places]
    timed(["train", "-m", "hydra/sweeper=sentiment_lab_optuna", *words])
    storage = f"sqlite:///{root / 'search.db'}"
    (name,) = optuna.get_all_study_names(storage)
    found = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    best, course = 0.0, []
    for trial in found:
        best = max(best, trial.values[0] if trial.values else 0.0)
        course.append(best)
    return course
