"""Run every part and write FAULTS.md; or run one part and only print.

python -m benchmarks.faults
python -m benchmarks.faults kills --count 10 --seed 7 --keep /tmp/kills
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.faults.report import FILE, Part, run_part, write_report

COUNTS = {"kills": 60, "processes": 16, "server": 5, "folders": 4, "configs": 300}
"""The parts, each a module with a `run`, and how often: kills, processes, restarts, flips of each file, configs."""


def main() -> int:
    """Run the parts; return 1 where something did not hold."""
    options = _options()
    names = [options.part] if options.part else list(COUNTS)
    parts = [_started(name, options) for name in names]
    for part in parts:
        print(f"{part.name}: {part.held} of {part.count}, {part.seconds:.0f} s", *part.notes, sep="\n  ")
    if not options.part:
        write_report(parts)
        print(f"written: {FILE}")
    return 1 if any(part.held < part.count for part in parts) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("part", nargs="?", choices=COUNTS, help="run this part alone and write no file")
    parser.add_argument("--count", type=int, help="how often, for a part alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="work here and leave it; default: a folder that goes")
    options = parser.parse_args()
    if options.count is not None and not options.part:
        parser.error("--count needs a part")
    return options


def _started(name: str, options: argparse.Namespace) -> Part:
    """Run a part in a process of its own: one forks, another loads TensorFlow."""
    print(f"{name} ...", flush=True)
    count = options.count or COUNTS[name]
    with ExitStack() as stack:
        root = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        pool = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
        return pool.submit(run_part, name, count, options.seed, (root / name).absolute()).result()


if __name__ == "__main__":
    sys.exit(main())
