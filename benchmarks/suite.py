"""The settings that all measures share, and the function that runs candidates in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from benchmarks.machine import has_torch, threads
from benchmarks.protocol import Child
from benchmarks.reviews import Reviews

Size = Literal["full", "quick", "smoke"]
T = TypeVar("T")

PRESETS = ("lstm", "gru", "bilstm", "stacked_lstm", "simple_rnn")
PLAIN = ("model.pooling=last", "model.dropout=0", "text.embedding_init=uniform", "training.crop_length=null")
"""Overrides that reduce a preset to a network that every peer can build: last state, no dropout, uncropped reviews."""
TORCH_MISSING = "PyTorch was not measured: it is not installed (`pip install torch==2.13.0`)"
PAUSE = 0.3
"""Seconds between two candidates, in which the threads of the first become idle."""


@dataclass
class Suite:
    """Settings and data shared by the measures of one call."""

    size: Size
    work: Path
    reviews: Reviews

    @property
    def threads(self) -> int:
        """Number of threads of every candidate."""
        return threads()

    @property
    def torch(self) -> bool:
        """Whether PyTorch is measured."""
        return has_torch()

    def pick(self, *, full: T, quick: T, smoke: T) -> T:
        """Return the value for this call's size; smoke only tests the code, its numbers have no meaning."""
        return {"full": full, "quick": quick, "smoke": smoke}[self.size]


def print_progress(line: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def in_turns(
    candidates: Mapping[str, tuple[str, Mapping[str, Any]]],
    repeats: int,
    request: Callable[[int], Mapping[str, Any]],
    *,
    warm_up: Mapping[str, Any] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Start all candidates (module and settings), send requests to each in turn, and return their responses by name.

    `warm_up` is a first request whose response is discarded.
    """
    responses: dict[str, list[dict[str, Any]]] = {name: [] for name in candidates}
    with ExitStack() as stack:
        children = {name: stack.enter_context(Child(*arguments)) for name, arguments in candidates.items()}
        for child in children.values():
            child.wait()  # no candidate is timed while another one starts
        for child in children.values() if warm_up is not None else ():
            child.request(**(warm_up or {}))
        for repeat in range(repeats):
            for name, child in children.items():
                time.sleep(PAUSE)
                responses[name].append(child.request(**request(repeat)))
    return responses
