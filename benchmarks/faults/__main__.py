"""Run every fault scenario and write FAULTS.md, or run one scenario and only print its result.

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

from benchmarks.faults.report import FILE, Scenario, run_scenario, write_report

COUNTS = {"kills": 60, "processes": 16, "server": 5, "folders": 4, "configs": 300, "user_files": 400}
"""The scenarios, each a module with a `run`, and their default counts: kills, processes, server restarts, bit flips per
file, configs, files."""


def main() -> int:
    """Run the scenarios; return 1 if a case failed."""
    options = _options()
    names = [options.scenario] if options.scenario else list(COUNTS)
    scenarios = [_run_in_process(name, options) for name in names]
    for scenario in scenarios:
        print(
            f"{scenario.name}: {scenario.passed} of {scenario.count} passed, {scenario.seconds:.0f} s",
            *scenario.notes,
            sep="\n  ",
        )
    if not options.scenario:
        write_report(scenarios)
        print(f"written: {FILE}")
    return 1 if any(scenario.passed < scenario.count for scenario in scenarios) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("scenario", nargs="?", choices=COUNTS, help="run only this scenario and write no file")
    parser.add_argument("--count", type=int, help="number of cases; needs a scenario")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="work in DIR and keep it; default: a temporary folder")
    options = parser.parse_args()
    if options.count is not None and not options.scenario:
        parser.error("--count needs a scenario")
    return options


def _run_in_process(name: str, options: argparse.Namespace) -> Scenario:
    """Run a scenario in its own process: one of them forks, another loads TensorFlow."""
    print(f"{name} ...", flush=True)
    count = options.count or COUNTS[name]
    with ExitStack() as stack:
        root = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        pool = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
        return pool.submit(run_scenario, name, count, options.seed, (root / name).absolute()).result()


if __name__ == "__main__":
    sys.exit(main())
