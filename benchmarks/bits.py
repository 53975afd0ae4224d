"""Find the operations of a training step whose bits differ between instruction sets, and test `launch.portable`.

    python -m benchmarks.bits

Writes BITS.md in five minutes. Environment variables make the libraries choose the kernels of other processors, so
the table can prove a difference, but equality only between the simulated processors: libraries also read what no
variable changes, such as the sizes of the caches. Each setting runs in its own process, with one thread and one seed.

The initialization and one training step run eagerly, and the inputs and outputs of each TensorFlow operation, except
those on variables, are hashed. An operation *differs* if its outputs differ from those on the AVX2 processor although
its inputs are equal. The compiled step, in which TensorFlow fuses operations, is compared by the weights after three
steps and the logits of an evaluation.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.protocol import ROOT, CandidateError
from benchmarks.results import now
from sentiment_lab.base.portable import VARIABLES

FILE = ROOT / "benchmarks" / "BITS.md"
AVX2, DEFAULT, PORTABLE = "AVX2", "this processor", "`launch.portable=true`"
_NO_AVX512 = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"}
SETTINGS: dict[str, dict[str, str]] = {
    AVX2: {**VARIABLES, **_NO_AVX512},
    DEFAULT: {},
    "`ONEDNN_MAX_CPU_ISA=AVX2`": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "`TF_ENABLE_ONEDNN_OPTS=0`": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "both variables": {"TF_ENABLE_ONEDNN_OPTS": "0", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    PORTABLE: VARIABLES,
}
"""Variables by name. The first is a processor without AVX-512: what its libraries choose by default, and its libm."""
NETWORKS = {
    f"{cell} {units}": [f"model={cell}", f"model.units=[{units}]"]
    for cell in ("simple_rnn", "gru", "lstm", "bilstm")
    for units in (64, 128)
}
TIMED = ("simple_rnn 64", "gru 64", "lstm 128", "bilstm 64")
BATCH, STEPS, VOCABULARY = 64, 40, 5000
REPEATS = 3

Trace = list[tuple[str, str, str]]
"""Name, digest of the inputs and digest of the outputs of each operation, in order."""
Results = Mapping[str, Any]
"""Digests by the name of what was computed; a network also has its `trace`."""


def main() -> int:
    """Compare all cases and write the page; return 1 if `launch.portable` does not give equal bits."""
    if len(sys.argv) > 1:
        print(json.dumps(_MEASURES[sys.argv[1]]()))
        return 0
    expected, *others = ({**_run(name, "networks"), **_run(name, "others")} for name in SETTINGS)
    found = {
        setting: {case: describe(expected[case], results[case]) for case in expected}
        for setting, results in zip(list(SETTINGS)[1:], others, strict=True)
    }
    FILE.write_text(page(found, _times()), encoding="utf-8")
    print(FILE.read_text(encoding="utf-8"))
    return 0 if set(found[PORTABLE].values()) == {"equal"} else 1


def _times() -> dict[str, tuple[float, float]]:
    """Return the processor milliseconds of a step by default and with `launch.portable`, the best of REPEATS."""
    runs = [(_run(DEFAULT, "times"), _run(PORTABLE, "times")) for _ in range(REPEATS)]
    defaults, portables = zip(*runs, strict=True)
    return {name: (min(run[name] for run in defaults), min(run[name] for run in portables)) for name in TIMED}


def _run(setting: str, measure: str) -> Any:
    """Return what a measure prints in a process of its own under a setting."""
    print(f"{setting}: {measure}", flush=True)
    environment = {**os.environ, **SETTINGS[setting], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.bits", measure]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CandidateError(f"{setting}, {measure}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def describe(expected: Results, actual: Results) -> str:
    """Return "equal", or the operations that differ, the first one first; without any, the results that differ."""
    operations = differing(expected.get("trace", []), actual.get("trace", []))
    results = [name for name in expected if name != "trace" and expected[name] != actual[name]]
    return ", ".join(operations or results) or "equal"


def differing(expected: Trace, actual: Trace) -> list[str]:
    """Return the names of operations with equal inputs and different outputs, the first one first."""
    pairs = zip(expected, actual, strict=True)
    return list(dict.fromkeys(one[0] for one, other in pairs if one[:2] == other[:2] and one[2] != other[2]))


def _networks() -> dict[str, Results]:
    return {network: _step(network) for network in NETWORKS}


def _step(network: str) -> Results:
    """Return the trace of one eager step, and the digests of weights and logits after three compiled ones."""
    from sentiment_lab.models.backend import tf

    tf.config.run_functions_eagerly(False)
    trainer, token_ids, labels = _trainer(network)
    for _ in range(3):
        trainer.train_step(token_ids, labels)
    results = {"weights": _digest(trainer.weights()), "logits": _digest([trainer._logits(token_ids).numpy()])}
    tf.config.run_functions_eagerly(True)
    with _traced() as trace:
        trainer, token_ids, labels = _trainer(network)
        trainer.train_step(token_ids, labels)
    return {**results, "trace": trace}


def _milliseconds() -> dict[str, float]:
    """Return the processor milliseconds of a compiled step of each network in TIMED."""
    return {network: 1000 * _seconds(network) for network in TIMED}


def _seconds(network: str) -> float:
    trainer, token_ids, labels = _trainer(network)
    trainer.train_step(token_ids, labels)
    started, processor, steps = time.monotonic(), time.process_time(), 0
    while time.monotonic() - started < 2.0:
        trainer.train_step(token_ids, labels)
        steps += 1
    return (time.process_time() - processor) / steps


def _trainer(network: str) -> tuple[Any, Any, Any]:
    import numpy as np

    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.training.trainer import Trainer, prepare_process

    config = compose_config(["data=generated", *NETWORKS[network], "launch.threads=1"])
    prepare_process(1, deterministic=True)
    draw = np.random.Generator(np.random.PCG64(0))
    token_ids = draw.integers(2, VOCABULARY, (BATCH, STEPS)).astype(np.int32)
    labels = draw.integers(0, 2, BATCH).astype(np.float32)
    return Trainer(config, config.model, VOCABULARY, steps=100), token_ids, labels


def _others() -> dict[str, Results]:
    """Return digests of what is computed without TensorFlow."""
    from sentiment_lab.config.compose import compose_config
    from sentiment_lab.data.cooccurrence import word_vectors
    from sentiment_lab.data.dataset import build_dataset
    from sentiment_lab.models.linear import fit_linear

    config = compose_config(["data=generated", "data.reviews=2000", "text.embedding_init=uniform"])
    with tempfile.TemporaryDirectory(prefix="bits-") as cache:
        dataset = build_dataset(config, Path(cache))
        texts, labels = dataset.texts("train"), dataset.train.labels
        vectors = word_vectors(dataset.train.sequences, dataset.vocabulary.size, 64)
    found: dict[str, Results] = {"word vectors": {"vectors": _digest([vectors])}}
    for name in ("tfidf_logistic", "nb_svm"):
        model = compose_config([f"model={name}"]).model
        found[name] = {"weights": _digest(fit_linear(model, texts, labels, 0, lowercase=True).weights())}
    return found


def _digest(arrays: Any) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


@contextmanager
def _traced() -> Iterator[Trace]:
    """Record the operations that run eagerly in the block."""
    from tensorflow.python.framework import op_callbacks

    from sentiment_lab.models.backend import tf

    trace: Trace = []

    def record(
        operation: str, inputs: Any, _attributes: Any, outputs: Any, op_name: str | None = None, graph: Any = None
    ) -> None:
        del op_name
        eager = graph is None and not any(tensor.dtype in (tf.resource, tf.variant) for tensor in (*inputs, *outputs))
        if eager:
            read, written = (_digest(tensor.numpy() for tensor in tensors) for tensors in (inputs, outputs))
            trace.append((tf.compat.as_str(operation), read, written))

    op_callbacks.add_op_callback(record)
    try:
        yield trace
    finally:
        op_callbacks.remove_op_callback(record)


def page(found: Mapping[str, Mapping[str, str]], costs: Mapping[str, tuple[float, float]]) -> str:
    """Return the page: what differs, by case and setting, and the cost of `launch.portable`."""
    metadata = machine.describe()
    lines = ["# Bits across processors", "", *(__doc__ or "").strip().splitlines(), ""]
    lines += [f"Measured {now()} on {metadata['cpu']} with {' '.join(metadata['instruction_sets'])}.", ""]
    lines += ["What differs from the AVX2 processor, the first operation first:", ""]
    lines += [f"| | {' | '.join(found)} |", f"| --- |{' --- |' * len(found)}"]
    lines += [f"| {case} | {' | '.join(column[case] for column in found.values())} |" for case in found[PORTABLE]]
    lines += ["", f"Processor time of a training step, {BATCH} texts of {STEPS} tokens, best of {REPEATS}:", ""]
    lines += ["| | default | `launch.portable=true` | ratio |", "| --- | ---: | ---: | ---: |"]
    for network, (default, portable) in costs.items():
        lines.append(f"| {network} | {default:.1f} ms | {portable:.1f} ms | {portable / default:.2f} |")
    return "\n".join(lines) + "\n"


_MEASURES: dict[str, Callable[[], Any]] = {"networks": _networks, "others": _others, "times": _milliseconds}

if __name__ == "__main__":
    sys.exit(main())
