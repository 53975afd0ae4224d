"""A problem that `sentiment-lab doctor` found, with its fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One problem."""

    area: str
    """versions, studies, folders, data, runs or store."""
    problem: str
    hint: str
    """What `fix` does; without it, what the user can do."""
    fix: Callable[[], object] | None = None
    """Fixes the problem; None if only the user can."""

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the problem when it is looked for again."""
        return self.area, self.problem
