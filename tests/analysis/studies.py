"""Studies of synthetic runs whose predictions are known, for tests that compare them."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic import with_seed, write_run
from sentiment_lab.analysis.selection import select_study
from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import to_plain
from sentiment_lab.config.validation import config_from_plain

LABELS = np.arange(400, dtype=np.int8) % 2

_compose = functools.cache(lambda *overrides: to_plain(compose_config(overrides)))


def config(root, *overrides):
    """Return the config of overrides, whose runs and sweeps are stored in a folder.

    Hydra composes each model once; other values are replaced in the composed config, which is a hundred times faster.
    """
    plain = copy.deepcopy(_compose(*(override for override in overrides if override.startswith("model="))))
    for override in overrides:
        key, _, text = override.partition("=")
        if key != "model":
            _replace(plain, key.split("."), _parse(text))
    plain["paths"] |= {"runs": f"{root}/runs", "store": str(root)}
    return config_from_plain(plain)


def _replace(plain, path, value):
    *groups, name = path
    for group in groups:
        plain = plain[group]
    assert name in plain, f"no setting {'.'.join(path)}"
    plain[name] = value


def _parse(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def probabilities(accuracy, seed):
    """Return the predictions of a run that classifies about this share of the reviews correctly."""
    correct = np.random.default_rng(seed).random(len(LABELS)) < accuracy
    return np.where(correct == (LABELS == 1), 0.8, 0.3)


def write_runs(root, accuracy, seeds, *overrides):
    """Write a run of each seed and return their folders."""
    base = config(root, *overrides)
    return [write_run(with_seed(base, seed), probabilities(accuracy, seed), LABELS) for seed in seeds]


def selected(root, study=None):
    """Return the runs of a study below a folder."""
    return select_study(Path(root) / "runs", str(root), study)


def run_main(arguments, capsys):
    """Run the command line in this process; return its exit code and its output."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code, capsys.readouterr()
