"""What the numbers of a run depend on besides its config: code, package versions, processor, threads.

`code_version` and `environment` record it; `differences` compares two records, of two machines or two days.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sentiment_lab.config.identity import SHORT, canonical_text, sha256_hex
from sentiment_lab.config.resources import PACKAGE

ORDER = ("data", "split", "code", "environment", "threads", "processor")
"""Categories of a difference, the most likely cause of a jump first: rounding cannot cause one."""
_ROUNDING_ORDER = ("data", "split", "processor", "environment", "threads", "code")
"""The same for differences of the size of two seeds: another order of additions from the first batch on."""

_CATEGORIES = {
    "data_hash": "data",
    "split_hash": "split",
    "code_version": "code",
    "cores": "threads",
    "threads": "threads",
    "processor": "processor",
    "machine": "processor",
    "onednn": "processor",
}
"""Category of each name in a record; all others are package versions, category `environment`."""
_NUMERIC_PACKAGES = ("keras", "numpy", "scikit-learn", "scipy", "tensorflow")
_INSTRUCTIONS = ("avx", "avx2", "avx512", "amx", "fma", "neon", "asimd", "sve")


@dataclass(frozen=True)
class CodeVersion:
    """The code that ran: a commit, or the installed version outside a checkout, with the uncommitted changes."""

    version: str
    diff: str


def code_version() -> CodeVersion:
    """Read the commit of the checkout that holds this package, and the digest of its uncommitted changes."""
    root = PACKAGE.parent
    if not (root / "pyproject.toml").is_file() or _git(root, "ls-files", "--error-unmatch", "pyproject.toml") is None:
        return CodeVersion(f"sentiment-lab {importlib.metadata.version('sentiment-lab')}", "")
    commit = (_git(root, "rev-parse", "HEAD") or "unborn").strip()
    diff = (_git(root, "diff", "HEAD", "--", "sentiment_lab", "conf") or "") + _untracked(root)
    return CodeVersion(f"{commit}+{sha256_hex(diff)[:SHORT]}" if diff else commit, diff)


def environment(threads: int | None = None) -> dict[str, str]:
    """Return package versions, processor and threads (`launch.threads`) by name."""
    versions = {name: importlib.metadata.version(name) for name in _NUMERIC_PACKAGES}
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


def env_version(record: Mapping[str, str]) -> str:
    """Return the short hash of an environment."""
    return sha256_hex(canonical_text(dict(record)))[:SHORT]


@dataclass(frozen=True)
class Difference:
    """One value that differs between two records."""

    category: str
    name: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.category} differs: {self.name} was {self.was}, is {self.now}"


def differences(was: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Return the values that differ between two records, in the order of categories; a missing value differs."""
    differing = [
        Difference(_CATEGORIES.get(name, "environment"), name, was.get(name, "unknown"), now.get(name, "unknown"))
        for name in dict.fromkeys((*was, *now))
        if was.get(name) != now.get(name)
    ]
    return sorted(differing, key=lambda difference: ORDER.index(difference.category))


def most_likely_first(found: Iterable[Difference], *, rounding: bool) -> list[Difference]:
    """Return differences, the most likely cause first: of differences that rounding can explain, or of others."""
    order = _ROUNDING_ORDER if rounding else ORDER
    return sorted(found, key=lambda difference: order.index(difference.category))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    features = sorted(flag for flag in fields.get("flags", "").split() if flag.startswith(_INSTRUCTIONS))
    return f"{fields.get('model name', '')} [{' '.join(features)}]"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _untracked(root: Path) -> str:
    names = (_git(root, "ls-files", "--others", "--exclude-standard", "sentiment_lab", "conf") or "").splitlines()
    return "".join(f"+++ untracked {name}\n{(root / name).read_text(encoding='utf-8')}" for name in names)
