"""Hyper-parameter search: the best validation accuracy after a number of runs, with TPE and with random search.

The model is a GRU on generated reviews in which the sentiment is far from its cause. The search space is a learning
rate from 1e-4 to 1, units, dropout and batch size. Each repeat has its own seeds, for the network and for the sampler;
a trial is one run. The ratio is the error of random search over that of TPE at the end: above 1, TPE is better.
"""

from __future__ import annotations

import statistics

from benchmarks.overhead import command_seconds
from benchmarks.results import Measured, Values, ratio
from benchmarks.suite import Suite, print_progress

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
    """Search with both samplers, in turns."""
    values = Values()
    repeats, trials, marks = suite.pick(full=(5, 30, (5, 10, 20, 30)), quick=(1, 6, (3, 6)), smoke=(1, 2, (2,)))
    final: dict[str, list[float]] = {name: [] for name in SAMPLERS.values()}
    for repeat in range(repeats):
        for sampler, name in SAMPLERS.items():
            print_progress(f"  {name}, repeat {repeat + 1} of {repeats}")
            best = _best_so_far(suite, sampler, trials, 100 * repeat)
            for mark in marks:
                values.add(name, f"after {mark} runs", "% validation accuracy", 100 * best[mark - 1])
            final[name].append(100 * best[-1])
    errors = {name: 100 - statistics.fmean(accuracies) for name, accuracies in final.items()}
    tpe_vs_random = ratio(errors["TPE"], errors["random search"], higher_is_better=False)
    return values.measured({"TPE vs random search": tpe_vs_random}, [])


def _best_so_far(suite: Suite, sampler: str, trials: int, seed: int) -> list[float]:
    """Return the best validation accuracy after each trial."""
    import optuna

    root = suite.work / f"search-{sampler}-{seed}"
    paths = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={suite.work / 'tiny'}"]
    overrides = [f"study.trials={trials}", f"study.sampler={sampler}", f"seed={seed}", *FIXED, *SPACE, *paths]
    command_seconds(["train", "-m", "hydra/sweeper=sentiment_lab_optuna", *overrides])
    storage = f"sqlite:///{root / 'search.db'}"
    (name,) = optuna.get_all_study_names(storage)
    trials_done = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    best, best_so_far = 0.0, []
    for trial in trials_done:
        best = max(best, trial.values[0] if trial.values else 0.0)
        best_so_far.append(best)
    return best_so_far
