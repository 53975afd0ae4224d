"""What every measure is given, and how candidates take turns."""

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
"""What makes a preset's network one that every peer has: the last state, no dropout, whole reviews."""
TORCH_MISSING = "PyTorch was left out: it is not installed here; `pip install torch==2.13.0` brings it"
PAUSE = 0.3
"""Seconds between two candidates, in which the threads of the first go to sleep."""


@dataclass
class Suite:
    """What is shared by the measures of one call."""

    size: Size
    work: Path
    reviews: Reviews

    @property
    def threads(self) -> int:
        """Threads of every candidate."""
        return threads()

    @property
    def torch(self) -> bool:
        """Whether PyTorch takes part."""
        return has_torch()

    def pick(self, *, full: T, quick: T, smoke: T) -> T:
        """Return the value for this call's size; smoke is for trying the code, its numbers mean nothing."""
        return {"full": full, "quick": quick, "smoke": smoke}[self.size]


def print_message(line: str) -> None:
    """Show how far the suite is."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def in_turns(
    candidates: Mapping[str, tuple[str, Mapping[str, Any]]],
    repeats: int,
    request: Callable[[int], Mapping[str, Any]],
    *,
    warm_up: Mapping[str, Any] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Start all candidates (module and settings), let each answer in turn, repeat, and return their answers.

    `warm_up` is a request whose answer is thrown away.
    """
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in candidates}
    with ExitStack() as stack:
        children = {name: stack.enter_context(Child(*started)) for name, started in candidates.items()}
        for child in children.values():
            child.wait()  # nobody is timed while another starts
        for child in children.values() if warm_up is not None else ():
            child.ask(**(warm_up or {}))
        for repeat in range(repeats):
            for name, child in children.items():
                time.sleep(PAUSE)
                answers[name].append(child.ask(**request(repeat)))
    return answers
