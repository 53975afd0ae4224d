"""Share of the machine: floating point operations of training over those of NumPy's best float32 product.

Counted are the matrix products that the network asks for, nothing else: a recurrent layer of u units on inputs of
size e costs 2 g u (e + u) a token and direction, g = 4 for LSTM, 3 for GRU, 1 for SimpleRNN; the logit 2 f a review
with f features. The backward pass counts twice the forward one, so a step costs three times that. Padding is work
that nobody asked for.

Where a step's time goes is measured by leaving parts out, on the same batches: building them only; with the forward
pass and loss; with the gradients; the whole step. What is left between two of those is the cost of what joins.
*Products alone* are NumPy's for a step of one token of each review of a batch, (batch, e) (e, g u) and (batch, u) (u,
g u), the small products that the recurrence is made of: what they reach is a bound for any way to run it step by
step.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.machine import gemm_peak
from benchmarks.results import Measured, Values
from benchmarks.suite import PLAIN, PRESETS, Suite, in_turns, print_message
from benchmarks.training_throughput import network_settings
from sentiment_lab.config.compose import compose_config

TITLE = "Share of the machine"
GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}
STAGES = ("batches", "forward", "gradients", "step")
COSTS = ("building batches", "forward pass and loss", "backward pass", "optimizer and the rest")


def measure(suite: Suite) -> Measured:
    """Take a step of each preset apart."""
    values, shares, ratios = Values(), {}, {}
    steps, repeats = suite.pick(full=(30, 2), quick=(12, 1), smoke=(2, 1))
    peak = gemm_peak()
    values.add("NumPy, large matrices", "reached", "GFLOP/s", peak)
    for preset in suite.pick(full=PRESETS, quick=PRESETS[2:3], smoke=PRESETS[2:3]):
        print_message(f"  {preset}")
        _preset(suite, preset, values, steps, repeats)
        reached = values.median(preset, "reached", "GFLOP/s")
        if reached:
            ratios[f"{preset}, share of the peak"] = reached / peak
            shares[preset] = reached / peak
    notes = [f"{name}: {share:.1%} of the peak" for name, share in shares.items()]
    return values.measured(ratios, notes=notes, shares=shares)


def flops_per_token(settings: dict[str, Any]) -> float:
    """Return the floating point operations of a training step for each token: three times the forward pass."""
    total, inputs = 0, settings["embedding_size"]
    directions = 2 if settings["bidirectional"] else 1
    for units in settings["units"]:
        total += 2 * GATES[settings["cell"]] * units * (inputs + units) * directions
        inputs = units * directions
    return 3.0 * total


def flops_per_review(settings: dict[str, Any]) -> float:
    """Return the floating point operations of a training step for each review: those of the logit."""
    return 3.0 * 2 * settings["units"][-1] * (2 if settings["bidirectional"] else 1)


def _preset(suite: Suite, preset: str, values: Values, steps: int, repeats: int) -> None:
    words = ["data=imdb", *suite.reviews.overrides(), "training.selection=last", f"model={preset}", *PLAIN]
    settings = network_settings(compose_config(words))
    child = {"overrides": words, "part": str(suite.reviews.encoded()), "threads": suite.threads}
    requests = [{"stage": stage, "steps": 2, "epoch": 1} for stage in STAGES]  # the first of each stage traces it
    for repeat in range(repeats):
        requests += [{"stage": stage, "steps": steps, "epoch": repeat + 2} for stage in STAGES]
    answers = in_turns({"ours": ("benchmarks.ours.steps", child)}, len(requests), lambda turn: requests[turn])["ours"]
    for start in range(len(STAGES), len(answers), len(STAGES)):
        _add(values, preset, settings, answers[start : start + len(STAGES)])
    values.add(preset, "products alone", "GFLOP/s", _products_alone(settings))


def _add(values: Values, preset: str, settings: dict[str, Any], turn: list[dict[str, Any]]) -> None:
    whole = turn[-1]
    operations = whole["tokens"] * flops_per_token(settings) + whole["reviews"] * flops_per_review(settings)
    values.add(preset, "reached", "GFLOP/s", operations / whole["seconds"] / 1e9)
    before = 0.0
    for cost, answer in zip(COSTS, turn, strict=True):
        milliseconds = 1000 * answer["seconds"] / answer["steps"]
        values.add(preset, cost, "ms a step", milliseconds - before)
        before = milliseconds
    values.add(preset, "whole step", "ms a step", before)


def _products_alone(settings: dict[str, Any], seconds: float = 0.3) -> float:
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
