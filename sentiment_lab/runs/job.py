"""A job: a config to run, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment_lab.config.settings import Config
from sentiment_lab.runs.folder import RunFolder


@dataclass(frozen=True)
class Job:
    """A config to run, the overrides that gave it, and the name of its variant, which is the same for all seeds."""

    config: Config
    overrides: Sequence[str]
    variant: str
    sweep: str | None = None
    """Hash of its sweep."""
    reproduces: str | None = None
    """Config hash of the run that it reproduces, in a separate folder."""

    @property
    def name(self) -> str:
        """The name of its run."""
        return f"{self.variant} seed={self.config.seed}"

    @property
    def folder(self) -> RunFolder:
        """The folder of its run."""
        return RunFolder.of(self.config)

    @property
    def command(self) -> str:
        """The command that runs this job alone."""
        import shlex

        return shlex.join(["sentiment-lab", "train", *self.overrides])
