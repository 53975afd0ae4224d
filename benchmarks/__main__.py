"""Measure ours beside the peers and write RESULTS.json and RESULTS.md.

python -m benchmarks                                              everything, about half an hour on two cores
python -m benchmarks --only training_throughput prediction        these alone; the others stay as they are
python -m benchmarks --quick                                      fewer repeats, some parts left out: five minutes
python -m benchmarks --check                                      which ratios fell since RESULTS.json
python -m benchmarks --check --against FILE                       the same, with FILE instead of a new measurement
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import machine, report, results
from benchmarks.protocol import ROOT, ChildError
from benchmarks.reviews import MissingDataError, Reviews
from benchmarks.suite import Suite, say

MEASURES = (
    "time_to_accuracy",
    "training_throughput",
    "machine_share",
    "text",
    "prediction",
    "overhead",
    "growth",
)
STORED = ROOT / "benchmarks"
SMOKE_REVIEWS = 300


def main() -> int:
    """Measure or check; return 1 where data is missing, a candidate fails or a ratio fell."""
    options = _options()
    if options.check:
        return _check(options)
    measured, failed = _measure(options)
    folder = options.output or (STORED if options.size == "full" else ROOT / "build" / "bench")
    stored = results.store(folder / "RESULTS.json", measured)
    (folder / "RESULTS.md").write_text(report.page(stored, _about()), encoding="utf-8")
    say(f"written: {folder / 'RESULTS.md'}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="MEASURE", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--data", metavar="PATH", help="the real reviews; default: what SENTIMENT_LAB_DATA names")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: benchmarks/, or build/bench/ if quick")
    parser.add_argument("--check", action="store_true", help="compare with the stored ratios; writes nothing")
    parser.add_argument("--against", type=Path, metavar="FILE", help="with --check: results to compare with the stored")
    sizes = parser.add_mutually_exclusive_group()
    for size in ("quick", "smoke"):
        sizes.add_argument(f"--{size}", action="store_const", const=size, dest="size")
    options = parser.parse_args()
    options.size = options.size or ("quick" if options.check else "full")
    return options


def _measure(options: argparse.Namespace) -> tuple[dict[str, results.Measured], list[str]]:
    """Return the measures that ran, and the names of those that could not."""
    measured: dict[str, Any] = {"machine": {**machine.describe(), "measured": results.now()}}
    failed = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as work:
        limit = SMOKE_REVIEWS if options.size == "smoke" else None
        suite = Suite(options.size, Path(work), Reviews(options.data, Path(work), limit))
        for name in options.only or MEASURES:
            say(name)
            started = time.perf_counter()
            try:
                found = _module(name).measure(suite)
            except (MissingDataError, ChildError) as error:
                failed.append(name)
                print(f"{name} was not measured: {error}", file=sys.stderr, flush=True)
                continue
            seconds = round(time.perf_counter() - started, 1)
            measured[name] = {"measured": results.now(), "size": options.size, "seconds": seconds, **found}
            _show(measured[name], seconds)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return measured, failed


def _show(found: results.Measured, seconds: float) -> None:
    for name, value in found["ratios"].items():
        print(f"  {name}: {'not measured' if value is None else f'{value:.2f} times'}")
    for target in found["targets"]:
        if not target["met"]:
            print(f"  missed: {target['name']} {target['rule']} {target['limit']}, is {target['value']}")
    say(f"  {seconds:.0f} s")


def _check(options: argparse.Namespace) -> int:
    """Say which ratios fell; return 1 where any did, and where nothing can be compared."""
    before = results.load(STORED / "RESULTS.json")
    now, failed = (results.load(options.against), []) if options.against else _measure(options)
    pairs = results.compared(before, now)
    lines = results.fallen(before, now)
    print(f"{len(pairs)} ratios compared with the stored ones, {len(lines)} fell by more than {results.FALL:.0%}")
    print(*(f"  {line}" for line in lines), sep="\n", end="\n" if lines else "")
    return 1 if lines or failed or not pairs else 0


def _about() -> dict[str, tuple[str, str]]:
    return {name: (_module(name).TITLE, _module(name).__doc__ or "") for name in MEASURES}


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main())
