"""FLOPS utilization: floating-point operations per second of training, relative to NumPy's best float32 product.

Only the matrix products of the network are counted. A recurrent layer of u units on inputs of size e costs
2 g u (e + u) per token and direction, with g = 4 for LSTM, 3 for GRU, 1 for SimpleRNN; the logit costs 2 f per review
with f features. The backward pass counts as twice the forward pass, so a step costs three forward passes. Padding is
not counted.

The cost of each part of a step is measured by leaving parts out, on the same batches: only building the batches; with
the forward pass and loss; with the gradients; the complete step. The difference of two successive times is the cost of
the added part. *Matrix products only* are NumPy's for a step of one token of each review in a batch: (batch, e)
(e, g u) and (batch, u) (u, g u). The recurrence consists of these small products, so their speed bounds every
step-by-step implementation.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.machine import gemm_peak
from benchmarks.results import Measured, Values
from benchmarks.suite import PLAIN, PRESETS, Suite, in_turns, print_progress
from benchmarks.training_throughput import network_settings
from sentiment_lab.config.compose import compose_config

TITLE = "FLOPS utilization"
GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}
STAGES = ("batches", "forward", "gradients", "step")
COSTS = ("building batches", "forward pass and loss", "backward pass", "optimizer and other")


def measure(suite: Suite) -> Measured:
    """Measure the parts of a training step of each preset."""
    values, shares, ratios = Values(), {}, {}
    steps, repeats = suite.pick(full=(30, 2), quick=(12, 1), smoke=(2, 1))
    peak = gemm_peak()
    values.add("NumPy, large matrices", "achieved", "GFLOP/s", peak)
    for preset in suite.pick(full=PRESETS, quick=PRESETS[2:3], smoke=PRESETS[2:3]):
        print_progress(f"  {preset}")
        _preset(suite, preset, values, steps, repeats)
        achieved = values.median(preset, "achieved", "GFLOP/s")
        if achieved:
            ratios[f"{preset}, share of the peak"] = achieved / peak
            shares[preset] = achieved / peak
    notes = [f"{name}: {share:.1%} of the peak" for name, share in shares.items()]
    return values.measured(ratios, notes=notes, shares=shares)


def flops_per_token(settings: dict[str, Any]) -> float:
    """Return the floating-point operations of a training step per token: three times the forward pass."""
    total, inputs = 0, settings["embedding_size"]
    directions = 2 if settings["bidirectional"] else 1
    for units in settings["units"]:
        total += 2 * GATES[settings["cell"]] * units * (inputs + units) * directions
        inputs = units * directions
    return 3.0 * total


def flops_per_review(settings: dict[str, Any]) -> float:
    """Return the floating-point operations of a training step per review: those of the logit."""
    return 3.0 * 2 * settings["units"][-1] * (2 if settings["bidirectional"] else 1)


def _preset(suite: Suite, preset: str, values: Values, steps: int, repeats: int) -> None:
    overrides = ["data=imdb", *suite.reviews.overrides(), "training.selection=last", f"model={preset}", *PLAIN]
    settings = network_settings(compose_config(overrides))
    child = {"overrides": overrides, "part": str(suite.reviews.encoded()), "threads": suite.threads}
    requests = [{"stage": stage, "steps": 2, "epoch": 1} for stage in STAGES]  # the first of each stage traces it
    for repeat in range(repeats):
        requests += [{"stage": stage, "steps": steps, "epoch": repeat + 2} for stage in STAGES]
    responses = in_turns({"ours": ("benchmarks.ours.steps", child)}, len(requests), lambda turn: requests[turn])["ours"]
    for start in range(len(STAGES), len(responses), len(STAGES)):
        _add(values, preset, settings, responses[start : start + len(STAGES)])
    values.add(preset, "matrix products only", "GFLOP/s", _matrix_products(settings))


def _add(values: Values, preset: str, settings: dict[str, Any], turn: list[dict[str, Any]]) -> None:
    step = turn[-1]
    operations = step["tokens"] * flops_per_token(settings) + step["reviews"] * flops_per_review(settings)
    values.add(preset, "achieved", "GFLOP/s", operations / step["seconds"] / 1e9)
    before = 0.0
    for cost, response in zip(COSTS, turn, strict=True):
        milliseconds = 1000 * response["seconds"] / response["steps"]
        values.add(preset, cost, "ms per step", milliseconds - before)
        before = milliseconds
    values.add(preset, "complete step", "ms per step", before)


def _matrix_products(settings: dict[str, Any], seconds: float = 0.3) -> float:
    """Return the GFLOP/s of the forward products of one step of the first layer and one direction."""
    batch, inputs, units = settings["batch_size"], settings["embedding_size"], settings["units"][0]
    width = GATES[settings["cell"]] * units
    generator = np.random.default_rng(0)
    shapes = ((batch, inputs), (inputs, width), (batch, units), (units, width))
    left, kernel, states, recurrent = (generator.standard_normal(shape, np.float32) for shape in shapes)
    outputs = [np.empty((batch, width), np.float32) for _ in range(2)]
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(100):
            np.matmul(left, kernel, out=outputs[0])
            np.matmul(states, recurrent, out=outputs[1])
        count += 100
    return count * 2 * batch * width * (inputs + units) / (time.perf_counter() - started) / 1e9
