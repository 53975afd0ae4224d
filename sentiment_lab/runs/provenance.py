"""The layers below a run: what may differ between two machines, or two days, that gave other numbers."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sentiment_lab.config.identity import SHORT, canonical_text, sha256_hex
from sentiment_lab.config.resources import PACKAGE

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


_COMPUTES = ("keras", "numpy", "scikit-learn", "scipy", "tensorflow")
_INSTRUCTIONS = ("avx", "avx2", "avx512", "amx", "fma", "neon", "asimd", "sve")


@dataclasses.dataclass(frozen=True)
class CodeVersion:
    """The code that ran: a commit, or the installed version outside a checkout, and what was not committed."""

    version: str
    diff: str


def code_version() -> CodeVersion:
    """Read the commit of the checkout this package lies in, and the digest of its uncommitted changes."""
    root = PACKAGE.parent
    if not (root / "pyproject.toml").is_file() or _git(root, "ls-files", "--error-unmatch", "pyproject.toml") is None:
        return CodeVersion(f"sentiment-lab {importlib.metadata.version('sentiment-lab')}", "")
    commit = (_git(root, "rev-parse", "HEAD") or "unborn").strip()
    diff = (_git(root, "diff", "HEAD", "--", "sentiment_lab", "conf") or "") + _untracked(root)
    return CodeVersion(f"{commit}+{sha256_hex(diff)[:SHORT]}" if diff else commit, diff)


def environment(threads: int | None = None) -> dict[str, str]:
    """Return what the numbers of a run depend on beside code and config: versions, processor, `launch.threads`."""
    versions = {name: importlib.metadata.version(name) for name in _COMPUTES}
    return {
        "python": platform.python_version(),
        **versions,
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "threads": "all" if threads is None else str(threads),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
    }


def env_version(facts: Mapping[str, str]) -> str:
    """Return the short hash of an environment."""
    return sha256_hex(canonical_text(dict(facts)))[:SHORT]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    features = sorted(flag for flag in facts.get("flags", "").split() if flag.startswith(_INSTRUCTIONS))
    return f"{facts.get('model name', '')} [{' '.join(features)}]"


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _untracked(root: Path) -> str:
    names = (_git(root, "ls-files", "--others", "--exclude-standard", "sentiment_lab", "conf") or "").splitlines()
    return "".join(f"+++ untracked {name}\n{(root / name).read_text(encoding='utf-8')}" for name in names)
