"""Compare sentiment_lab with other libraries and write RESULTS.json and RESULTS.md.

python -m benchmarks                                              all measures, an hour and a half on two cores
python -m benchmarks --only training_throughput prediction        only these; the stored results of the others stay
python -m benchmarks --quick                                      fewer repeats, some measures reduced: five minutes
python -m benchmarks --check                                      report which ratios fell since RESULTS.json
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
from benchmarks.suite import Suite, print_progress

MEASURES = (
    "time_to_accuracy",
    "training_throughput",
    "flops_utilization",
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
    """Measure or check; return 1 if data is missing, a candidate fails or a ratio fell."""
    options = _options()
    if options.check:
        return _check(options)
    folder = options.output or (STORED if options.size == "full" else ROOT / "build" / "bench")
    names = options.only or list(MEASURES)
    measured = _measure(options, names, lambda results_so_far: _write(folder, results_so_far))
    print_progress(f"written: {folder / 'RESULTS.md'}")
    return 0 if set(names) <= set(measured) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="MEASURE", help=f"any of {', '.join(MEASURES)}")
    parser.add_argument("--data", metavar="PATH", help="the real reviews; default: SENTIMENT_LAB_DATA")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: benchmarks/, with --quick build/bench/")
    parser.add_argument("--check", action="store_true", help="compare with the stored ratios and write nothing")
    parser.add_argument("--against", type=Path, metavar="FILE", help="with --check: compare these results instead")
    sizes = parser.add_mutually_exclusive_group()
    for size in ("quick", "smoke"):
        sizes.add_argument(f"--{size}", action="store_const", const=size, dest="size")
    options = parser.parse_args()
    options.size = options.size or ("quick" if options.check else "full")
    return options


def _measure(
    options: argparse.Namespace, names: Sequence[str], save: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Return the results of the measures that succeeded; call `save` with all results so far after each of them."""
    measured: dict[str, Any] = {"machine": {**machine.describe(), "measured": results.now()}}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as work:
        limit = SMOKE_REVIEWS if options.size == "smoke" else None
        suite = Suite(options.size, Path(work), Reviews(options.data, Path(work), limit))
        for name in names:
            print_progress(name)
            try:
                measured[name] = _measured(name, suite)
            except (MissingDataError, CandidateError) as error:
                print(f"{name} was not measured: {error}", file=sys.stderr, flush=True)
            save(measured)
    if missing := [name for name in names if name not in measured]:
        print(f"not measured: {', '.join(missing)}", file=sys.stderr)
    return measured


def _measured(name: str, suite: Suite) -> results.Measured:
    started = time.perf_counter()
    measured = _module(name).measure(suite)
    seconds = round(time.perf_counter() - started, 1)
    for ratio, value in measured["ratios"].items():
        print(f"  {ratio}: {'not measured' if value is None else f'{value:.2f}'}")
    for target in measured["targets"]:
        if not target["met"]:
            print(f"  missed: {target['name']} {target['rule']} {target['limit']:g}, got {target['value']}")
    print_progress(f"  {seconds:.0f} s")
    return {"measured": results.now(), "size": suite.size, "seconds": seconds, **measured}


def _write(folder: Path, measured: dict[str, Any]) -> None:
    stored = results.store(folder / "RESULTS.json", measured)
    (folder / "RESULTS.md").write_text(report.page(stored, _about()), encoding="utf-8")


def _check(options: argparse.Namespace) -> int:
    """Report which ratios fell; return 1 if any did, if a measure is missing, or if nothing is stored."""
    before = results.load(STORED / "RESULTS.json")
    names = [name for name in options.only or MEASURES if before.get(name, {}).get("ratios")]
    if not names:
        print("benchmarks/RESULTS.json contains no ratios to compare with; run `make bench`", file=sys.stderr)
        return 1
    before = {name: before[name] for name in names}
    now = results.load(options.against) if options.against else _measure(options, names, lambda _: None)
    pairs, lines = results.common_ratios(before, now), results.regressions(before, now)
    print(f"{len(pairs)} ratios compared with the stored ones, {len(lines)} fell by more than {results.MAX_DROP:.0%}")
    for line in lines:
        print(f"  {line}")
    if missing := results.missing_ratios(before, now):
        print(f"not measured now: {'; '.join(missing)}")
    return 1 if lines or not set(names) <= set(now) else 0


def _about() -> dict[str, tuple[str, str]]:
    return {name: (_module(name).TITLE, _module(name).__doc__ or "") for name in MEASURES}


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main())
