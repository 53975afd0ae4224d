"""Measure ours beside the peers and write RESULTS.json and RESULTS.md.

python -m benchmarks                                              everything, an hour and a half on two cores
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
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import machine, report, results
from benchmarks.protocol import ROOT, CandidateError
from benchmarks.reviews import MissingDataError, Reviews
from benchmarks.suite import Suite, print_message

MEASURES = (
    "time_to_accuracy",
    "training_throughput",
    "machine_share",
    "text",
    "prediction",
    "overhead",
    "launchers",
    "search",
    "growth",
)
STORED = ROOT / "benchmarks"
SMOKE_REVIEWS = 300


def main() -> int:
    """Measure or check; return 1 where data is missing, a candidate fails or a ratio fell."""
    options = _options()
    if options.check:
        return _check(options)
    folder = options.output or (STORED if options.size == "full" else ROOT / "build" / "bench")
    wanted = options.only or list(MEASURES)
    measured = _measure(options, wanted, lambda found: _write(folder, found))
    print_message(f"written: {folder / 'RESULTS.md'}")
    return 0 if set(wanted) <= set(measured) else 1


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


def _measure(
    options: argparse.Namespace, wanted: Sequence[str], keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Return the measures that could be made; `keep` is given what there is after each of them."""
    measured: dict[str, Any] = {"machine": {**machine.describe(), "measured": results.now()}}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as work:
        limit = SMOKE_REVIEWS if options.size == "smoke" else None
        suite = Suite(options.size, Path(work), Reviews(options.data, Path(work), limit))
        for name in wanted:
            print_message(name)
            try:
                measured[name] = _measured(name, suite)
            except (MissingDataError, CandidateError) as error:
                print(f"{name} was not measured: {error}", file=sys.stderr, flush=True)
            keep(measured)
    if missing := [name for name in wanted if name not in measured]:
        print(f"not measured: {', '.join(missing)}", file=sys.stderr)
    return measured


def _measured(name: str, suite: Suite) -> results.Measured:
    started = time.perf_counter()
    found = _module(name).measure(suite)
    seconds = round(time.perf_counter() - started, 1)
    for ratio, value in found["ratios"].items():
        print(f"  {ratio}: {'not measured' if value is None else f'{value:.2f}'}")
    for target in found["targets"]:
        if not target["met"]:
            print(f"  missed: {target['name']} {target['rule']} {target['limit']:g}, is {target['value']}")
    print_message(f"  {seconds:.0f} s")
    return {"measured": results.now(), "size": suite.size, "seconds": seconds, **found}


def _write(folder: Path, measured: dict[str, Any]) -> None:
    stored = results.store(folder / "RESULTS.json", measured)
    (folder / "RESULTS.md").write_text(report.page(stored, _about()), encoding="utf-8")


def _check(options: argparse.Namespace) -> int:
    """Say which ratios fell; return 1 where any did, where one is gone, and where nothing is stored."""
    before = results.load(STORED / "RESULTS.json")
    wanted = [name for name in options.only or MEASURES if before.get(name, {}).get("ratios")]
    if not wanted:
        print("benchmarks/RESULTS.json holds no ratios to compare with; `make bench` writes it", file=sys.stderr)
        return 1
    before = {name: before[name] for name in wanted}
    now = results.load(options.against) if options.against else _measure(options, wanted, lambda _: None)
    pairs, lines = results.compared(before, now), results.fallen(before, now)
    print(f"{len(pairs)} ratios compared with the stored ones, {len(lines)} fell by more than {results.FALL:.0%}")
    for line in lines:
        print(f"  {line}")
    if left := results.left_out(before, now):
        print(f"not measured now: {'; '.join(left)}")
    return 1 if lines or not set(wanted) <= set(now) else 0


def _about() -> dict[str, tuple[str, str]]:
    return {name: (_module(name).TITLE, _module(name).__doc__ or "") for name in MEASURES}


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main())
