"""Start many `sentiment-lab train` at once into one store that does not exist yet and one folder of runs.

First different runs: every process must end with 0, and the store must hold each run once, finished, in its
experiment, with every metric of every epoch. Then one run by four processes at once: one trains it, the others leave
with exit code 2 and name who holds it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.faults.command import STUDY, Place, finish
from benchmarks.faults.report import Part
from benchmarks.faults.stored import Stored

_DATA = "data.reviews=600"
_GRU = ["model=gru", "model.units=[8]", "model.embedding_size=8", "training.epochs=3", _DATA]
_LINEAR = ["model=tfidf_logistic", _DATA]
_LONG = [*_GRU, "training.epochs=60", "training.batch_size=8"]
"""Long enough that the last process to come finds the run being trained."""
SAME = 4


def run(count: int, seed: int, root: Path) -> Part:
    """Start so many processes at once, and judge."""
    part = Part("processes", f"{count} `train` at once into one new store, then {SAME} at once with one config")
    Place(root / "warm", _LINEAR, root / "cache").run()  # the reviews are generated and cut once
    _at_once(part, count, seed, root)
    _same_at_once(part, root)
    return part


def _at_once(part: Part, count: int, seed: int, root: Path) -> None:
    places = [
        Place(root / "different", [*(_LINEAR if number % 2 else _GRU), f"seed={seed + number}"], root / "cache")
        for number in range(count)
    ]
    codes = [finish(process) for process in [place.start() for place in places]]
    wrong = [f"exit code {code}: {place.words}" for place, code in zip(places, codes, strict=True) if code]
    wrong += Stored(places[0].database).mismatches(STUDY, places[0].runs, sweeps=0)
    if len(places[0].runs) != count:
        wrong.append(f"{len(places[0].runs)} folders")
    failing = {line for line in places[0].log.splitlines() if "failed (" in line or "Traceback" in line}
    if failing:
        part.notes.append(f"{len(failing)} kinds of complaints about the store on the way: {sorted(failing)[:2]}")
    part.record(f"{count} different runs", wrong, count)


def _same_at_once(part: Part, root: Path) -> None:
    place = Place(root / "same", _LONG, root / "cache")
    processes = [place.start() for _ in range(SAME)]
    codes = sorted(finish(process) for process in processes)
    part.record(f"{SAME} times the same run", list(_not_one(place, processes, codes)), SAME)


def _not_one(place: Place, processes: Sequence[subprocess.Popen[str]], codes: Sequence[int]) -> Iterator[str]:
    if codes != [0, *[2] * (SAME - 1)]:
        yield f"exit codes {codes}"
    trainer = next((process.pid for process in processes if process.returncode == 0), None)
    named = place.log.count(f"is being trained by process {trainer} on ")
    if named != SAME - 1:
        yield f"{named} of {SAME - 1} named process {trainer}: {place.log[-500:]}"
    starts = [event for run in place.runs for event in run.events() if event["event"] == "started"]
    if len(starts) != 1:
        yield f"{len(starts)} processes began to train"
    yield from Stored(place.database).mismatches(STUDY, place.runs, sweeps=0)
