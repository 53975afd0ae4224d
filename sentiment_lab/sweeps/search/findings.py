"""The findings of a search, as files in its sweep's folder: the best config as a study, importance, figures."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sentiment_lab.base.console import print_message
from sentiment_lab.base.files import atomic_write, storage_errors
from sentiment_lab.base.matplotlib_import import import_matplotlib
from sentiment_lab.config.identity import identity_of
from sentiment_lab.config.settings import Config, LinearModel, TableData
from sentiment_lab.data.sources.own_files import reading_settings
from sentiment_lab.runs.job import Job

if TYPE_CHECKING:
    import optuna

FOLDER, ACCURACY = "search", "validation accuracy"
_MINIMUM = 3
"""Complete trials that importance needs."""


def write_findings(study: optuna.Study, best: Job, folder: Path) -> None:
    """Write the files; print importance and best config.

    Raises StorageError when they cannot be written.
    """
    target = folder / FOLDER
    with storage_errors(target):
        target.mkdir(exist_ok=True)
    atomic_write(target / "best.yaml", study_file(best))
    shares = importance(study)
    atomic_write(target / "importance.json", json.dumps(shares, indent=2))
    with storage_errors(target):
        _draw(study, target)
    for name, share in sorted(shares.items(), key=lambda pair: -pair[1]):
        print_message(f"  importance of {name:<32} {share:.2f}")
    print_message(f"best: {best.command}")
    print_message(f"as a study: cp {target / 'best.yaml'} experiments/ && sentiment-lab train +experiments=best")


def importance(study: optuna.Study) -> dict[str, float]:
    """Return the share of each setting in the variance of the validation accuracy (fANOVA; Hutter et al. 2014)."""
    import optuna

    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if len(complete) < _MINIMUM or len({trial.values[0] for trial in complete}) == 1:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(
        study, evaluator=evaluator, target=lambda trial: float(trial.values[0])
    )
    return {str(name): float(share) for name, share in shares.items()}


def study_file(best: Job) -> str:
    """Return the text of a study for experiments/ that runs the best config with five seeds."""
    config = best.config
    values = _nested(config)
    text = yaml.safe_dump({**values, "study": {"name": "best", "question": config.study.question}}, sort_keys=False)
    groups = {"data": config.data.source, "model": _preset(config)}
    defaults = "".join(f"  - override /{group}: {option}\n" for group, option in groups.items())
    sweep = "\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 0,1,2,3,4\n"
    return f"# @package _global_\n# The best of a search: {best.command}\ndefaults:\n{defaults}\n{text}{sweep}"


def _nested(config: Config) -> dict[str, Any]:
    plain = dict(identity_of(config))
    plain.pop("seed", None)
    if isinstance(config.data, TableData):
        plain["data"] = {**plain["data"], **reading_settings(config.data)}
    return {key: value for key, value in plain.items() if isinstance(value, dict)}


def _preset(config: Config) -> str:
    return config.model.family if isinstance(config.model, LinearModel) else "lstm"


def _draw(study: optuna.Study, folder: Path) -> None:
    import_matplotlib()
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from optuna.visualization import matplotlib as plots

    from sentiment_lab.analysis.plots.style import default_style

    mpl.use("agg")

    def accuracy(trial: optuna.trial.FrozenTrial) -> float:
        return float(trial.values[0])

    with default_style(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna warns that its plots are experimental
        drawn: dict[str, Any] = {"slices": plots.plot_slice(study, target=accuracy, target_name=ACCURACY)}
        if len(study.directions) > 1:
            drawn["front"] = plots.plot_pareto_front(study, target_names=[ACCURACY, "seconds of training"])
        else:
            drawn["history"] = plots.plot_optimization_history(study, target_name=ACCURACY)
    for name, axes in drawn.items():
        figure = (axes if hasattr(axes, "figure") else axes.flat[0]).figure
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight")
        plt.close(figure)
