"""Training throughput: review tokens per second during training, padding not counted.

The presets are composed with `data=imdb model=PRESET`, without the features that the peers do not have (suite.PLAIN),
and trained on the train part of the real reviews. Keras gets padded arrays and `fit`; PyTorch gets packed sequences, or
padded ones for comparison. All have the same tokens, sizes, batch size, optimizer and threads. Ours uses batches of
similar length and builds them within the measured time; the arrays of Keras are built before. The processes take turns;
each turn trains the same number of steps.
"""

from __future__ import annotations

from typing import Any

from benchmarks.results import Measured, Values, at_least, ratio
from benchmarks.suite import PLAIN, PRESETS, TORCH_MISSING, Suite, in_turns, print_progress
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.settings import Config

TITLE = "Training throughput"
UNIT = "tokens/s"
TARGETS = {"Keras, padded": 2.0, "PyTorch, packed": 1.3}
WITHOUT_TARGET = ("simple_rnn",)
"""Only the ratios are shown, as for padded PyTorch, which with two directions is not exactly the same network."""
MODULES = {
    "ours": "benchmarks.ours.steps",
    "Keras, padded": "benchmarks.peers.keras_fit",
    "PyTorch, packed": "benchmarks.peers.torch_rnn",
    "PyTorch, padded": "benchmarks.peers.torch_rnn",
}


def measure(suite: Suite) -> Measured:
    """Measure the presets one after another."""
    values = Values()
    steps, repeats = suite.pick(full=(50, 3), quick=(15, 2), smoke=(2, 1))
    for preset in suite.pick(full=PRESETS, quick=PRESETS[:4], smoke=PRESETS[2:4]):
        print_progress(f"  {preset}")
        responses = in_turns(
            _candidates(suite, preset),
            repeats,
            lambda repeat: {"steps": steps, "epoch": repeat + 2},
            warm_up={"steps": min(steps, 5), "epoch": 1},
        )
        for name, turns in responses.items():
            for response in turns:
                values.add(preset, name, UNIT, response["tokens"] / response["seconds"])
    ratios = _ratios(values)
    notes = [f"{repeats} turns of {steps} steps each"] + ([] if suite.torch else [TORCH_MISSING])
    return values.measured(ratios, _targets(ratios), notes)


def network_settings(config: Config) -> dict[str, Any]:
    """Return the settings from which a peer builds the same network."""
    model = config.model
    return {
        "cell": model.cell,
        "units": list(model.units),
        "bidirectional": model.bidirectional,
        "embedding_size": model.embedding_size,
        "batch_size": config.training.batch_size,
        "learning_rate": config.optimizer.learning_rate,
        "max_length": config.text.max_length,
    }


def _candidates(suite: Suite, preset: str) -> dict[str, tuple[str, dict[str, Any]]]:
    overrides = ["data=imdb", *suite.reviews.overrides(), "training.selection=last", f"model={preset}", *PLAIN]
    config = compose_config(overrides)
    _check_plain(config)
    settings = {
        "part": str(suite.reviews.encoded()),
        "threads": suite.threads,
        "overrides": overrides,
        **network_settings(config),
    }
    names = [name for name, module in MODULES.items() if suite.torch or "torch" not in module]
    return {name: (MODULES[name], {**settings, "packed": "packed" in name}) for name in names}


def _check_plain(config: Config) -> None:
    """Raise ValueError for a preset with features that the peers do not have."""
    model, optimizer = config.model, config.optimizer
    extras = (model.dropout, model.embedding_dropout, model.recurrent_dropout, optimizer.weight_decay)
    if any(extras) or model.pooling != "last" or optimizer.name != "adam" or optimizer.global_clipnorm:
        raise ValueError(f"a preset must have no dropout, pooling, clipping or weight decay, got {model}")


def _ratios(values: Values) -> dict[str, float | None]:
    ratios = {}
    for preset in PRESETS:
        ours = values.median(preset, "ours", UNIT)
        for peer in list(MODULES)[1:]:
            if ours:
                theirs = values.median(preset, peer, UNIT)
                ratios[f"{preset} vs {peer}"] = ratio(ours, theirs, higher_is_better=True)
    return ratios


def _targets(ratios: dict[str, float | None]) -> list[dict[str, Any]]:
    targets = []
    for name, value in ratios.items():
        preset, _, peer = name.partition(" vs ")
        if preset not in WITHOUT_TARGET and peer in TARGETS:
            targets.append(at_least(name, value, TARGETS[peer], "times"))
    return targets
