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

from sentiment_lab.base.portable import VARIABLES as PORTABLE
from sentiment_lab.base.portable import is_portable, l1_cache
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
    "portable": "processor",
    "l1_cache": "processor",
}
"""Category of each name in a record; all others are package versions, category `environment`."""
_NUMERIC_PACKAGES = ("keras", "numpy", "scikit-learn", "scipy", "tensorflow")
_VARIABLES = (
    *("TF_NUM_", "TF_ENABLE_", "TF_DISABLE_", "TF_XLA_", "TF_ONEDNN_", "TF_CUDNN_", "TF_GPU_", "TF_USE_", "XLA_FLAGS"),
    *("ONEDNN_", "DNNL_", "MKL_", "OMP_", "OPENBLAS_", "NPY_", "GLIBC_TUNABLES"),
)
"""Beginnings of the environment variables that may change a result: instruction sets, threads, compilers."""
_NO_EFFECT = ("TF_ENABLE_ONEDNN_OPTS", "TF_USE_LEGACY_KERAS")
"""Variables of these that are recorded by another name, or change no result."""
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
    """Return package versions, processor, threads (`launch.threads`) and environment variables, where set, by name."""
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
        **_variables(threads),
        # Only where it is on, so that earlier records do not differ.
        **({"portable": "true", "l1_cache": l1_cache()} if is_portable() else {}),
    }


def _variables(threads: int | None) -> dict[str, str]:
    """Return the environment variables that may change a result, but those that repeat a setting of `launch`."""
    repeated = PORTABLE if is_portable() else {}
    shown = [
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if name.startswith(_VARIABLES)
        and name not in (*_NO_EFFECT, *repeated)
        and not (name.endswith("_NUM_THREADS") and value == str(threads))
    ]
    return {"variables": " ".join(shown)} if shown else {}


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
