"""The machine and the packages of a measurement, and the speed of its matrix product."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "keras", "tensorflow", "torch", "tokenizers", "mlflow")
INSTRUCTIONS = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve")
SIZE = 2048
"""Rows and columns of the matrices that measure the peak."""


def threads() -> int:
    """Return the number of processors that this process may use, which is the number of threads of every candidate."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_torch() -> bool:
    """Return whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def gemm_peak(repeats: int = 7) -> float:
    """Return the best GFLOP/s of NumPy's float32 product of two large matrices, on all processors."""
    generator = np.random.default_rng(0)
    left, right = (generator.standard_normal((SIZE, SIZE), np.float32) for _ in range(2))
    product = left @ right
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        np.matmul(left, right, out=product)
        seconds.append(time.perf_counter() - started)
    return 2 * SIZE**3 / min(seconds) / 1e9


def describe() -> dict[str, Any]:
    """Return processor, cores, memory, instruction sets, peak GFLOP/s, and the versions of packages."""
    cpu = _cpu_metadata()
    flags = set(cpu.get("flags", cpu.get("Features", "")).split())
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores": threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "instruction_sets": [name for name in INSTRUCTIONS if name in flags],
        "gemm_peak_gflops": round(gemm_peak(), 1),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "packages": {name: _version(name) for name in PACKAGES if _version(name)},
    }


def _cpu_metadata() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").partition("\n\n")[0].splitlines() if path.is_file() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
