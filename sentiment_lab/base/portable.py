"""`launch.portable`: the same bits on every x86-64 processor with AVX2, with or without AVX-512 and AMX.

TensorFlow, oneDNN, OpenBLAS and NumPy choose their kernels by the instruction set when they are loaded. The variables
that limit their choice must therefore be set before the process starts. docs/reproducibility.md has the measurements.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from sentiment_lab.base.errors import LabError

VARIABLES = {
    # Off by default without AVX-512 VNNI and AMX; where it is on, other kernels compute matrix products.
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # The matrix products of TensorFlow's own kernels are oneDNN's, whose block sizes depend on the instruction set.
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
_L1_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index0/size")


class PortableError(LabError):
    """`launch.portable` in a process that was started without the variables."""


def is_portable() -> bool:
    """Return whether this process was started with the variables."""
    return os.environ.items() >= VARIABLES.items()


def require_portable() -> None:
    """Raise PortableError, with the variables to set, in a process that was started without them."""
    if not is_portable():
        variables = " ".join(f"{name}='{value}'" for name, value in VARIABLES.items())
        raise PortableError(f"launch.portable=true needs these variables before Python starts: {variables}")


def restart_portable() -> NoReturn:
    """Replace this process by the same command with the variables set."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **VARIABLES})  # noqa: S606


def l1_cache() -> str:
    """Return the size of the first-level data cache, such as 32K; it bounds the blocks of TensorFlow's products."""
    try:
        return _L1_CACHE.read_text(encoding="utf-8").strip()
    except OSError:
        return "unknown"
