"""The layers below a run: what may differ between two machines, or two days, that gave other numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LAYERS = {
    "data_hash": "data",
    "split_hash": "split",
    "code_version": "code",
    "cores": "threads",
    "threads": "threads",
    "processor": "processor",
    "machine": "processor",
    "onednn": "processor",
}
"""Layer of each fact; what is not listed is a version and belongs to the environment."""

ORDER = ("data", "split", "code", "environment", "threads", "processor")
"""The layers, those that explain most first."""


@dataclass(frozen=True)
class Difference:
    """One fact that is not what it was."""

    layer: str
    fact: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.layer} differs: {self.fact} was {self.was}, is {self.now}"


def differences(was: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Return the facts that differ, by layer; a fact that one side does not know differs."""
    found = [
        Difference(_LAYERS.get(fact, "environment"), fact, was.get(fact, "unknown"), now.get(fact, "unknown"))
        for fact in dict.fromkeys((*was, *now))
        if was.get(fact) != now.get(fact)
    ]
    return sorted(found, key=lambda difference: ORDER.index(difference.layer))
