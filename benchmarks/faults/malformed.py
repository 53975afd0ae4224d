"""Give `sentiment-lab train` configs that cannot be run, and see that each is refused in words.

    python -m benchmarks.faults.malformed [--count 300] [--seed 0] [--started]

The cases are drawn, not listed: every setting, type and rule is found by reflection over the config classes. A case
holds when the command exits with 2 within two seconds of processor time (what else runs does not count), names what is
wrong, shows no traceback and writes nothing.

Each case runs in a process of its own, in an empty folder. The processes are forked from one that has imported the
commands, so that 300 cases take a minute; `--started` starts each from nothing instead, as a user does.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.faults import studies, words
from benchmarks.faults.words import LEAVES, Case
from sentiment_lab.cli.exit_codes import BAD_USAGE
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.schema import Setting

SECONDS = 2.0
"""Of processor time."""
PATIENCE = 20.0
"""Seconds after which a command is killed that goes on."""
LONGEST = 4_000
"""Characters of a message; a value of a megabyte is not repeated whole."""

Ran = tuple[int | None, str]


def malformed_command_lines(count: int, seed: int) -> list[Case]:
    """Draw as many distinct cases: each kind of defect in turn, each time at the setting that had the fewest."""
    random = Random(seed)  # noqa: S311  # nothing secret
    had: Counter[Setting] = Counter()
    cases: dict[Any, Case] = {}
    for defect in itertools.cycle((*words.DEFECTS, *studies.DEFECTS)):
        if len(cases) == count:
            break
        turn = sorted(LEAVES, key=lambda one: (had[one], random.random()))
        setting, case = next((one, found) for one in turn if (found := defect(random, one)))
        had[setting] += setting.key in " ".join((*case.words, case.names))
        cases.setdefault((case.words, case.files), case)
    return list(cases.values())


def check(case: Case, folder: Path, *, started: bool = False) -> str | None:
    """Run a case in an empty folder and return what is wrong with the way it was refused, or None."""
    for name, content in case.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    before = sorted(folder.rglob("*"))
    start = _processor_seconds()
    code, output = (_started if started else _forked)(case.words, folder)
    seconds = _processor_seconds() - start
    complaints = {
        f"exit code {code}": code != BAD_USAGE,
        "a traceback": "Traceback" in output,
        f"{case.names!r} is not named": case.names not in output,
        f"a message of {len(output)} characters": len(output) > LONGEST,
        "control characters": any(not letter.isprintable() and letter != "\n" for letter in output),
        f"files written: {_written(folder, before)}": bool(_written(folder, before)),
        f"{seconds:.1f} s": seconds > SECONDS,
    }
    wrong = [message for message, holds in complaints.items() if holds]
    return f"{', '.join(wrong)}: {output[-600:]}" if wrong else None


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _written(folder: Path, before: Sequence[Path]) -> list[str]:
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path not in before]


def _started(arguments: Sequence[str], folder: Path) -> Ran:
    command = [sys.executable, "-m", "sentiment_lab", "train", *arguments]
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                command, cwd=folder, stdout=output, stderr=output, timeout=PATIENCE, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        return code, _read(output)


def _forked(arguments: Sequence[str], folder: Path) -> Ran:
    with tempfile.TemporaryFile() as output:
        child = multiprocessing.get_context("fork").Process(target=_child, args=(arguments, folder, output.fileno()))
        child.start()
        child.join(PATIENCE)
        child.kill()
        child.join()
        return child.exitcode, _read(output)


def _child(arguments: Sequence[str], folder: Path, output: int) -> None:
    from sentiment_lab.cli.main import main

    os.chdir(folder)
    for stream in (1, 2):
        os.dup2(output, stream)
    main(["train", *arguments])


def _read(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def _checked(case: Case, *, started: bool) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        return check(case, Path(folder), started=started)


def main() -> int:
    """Draw, run and print; return 1 where a case does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--started", action="store_true", help="start each process from nothing")
    options = parser.parse_args()
    cases = malformed_command_lines(options.count, options.seed)
    import sentiment_lab.cli.train  # noqa: F401  # the processes that are forked have it

    compose_config()
    start = time.monotonic()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        found = list(pool.map(partial(_checked, started=options.started), cases))
    failures = [(case, message) for case, message in zip(cases, found, strict=True) if message]
    for case, message in failures:
        print(f"{case.defect}: {' '.join(map(repr, case.words))[:300]}\n    {message}")
    _summarise(cases, len(failures), time.monotonic() - start)
    return 1 if failures else 0


def _summarise(cases: Sequence[Case], failures: int, seconds: float) -> None:
    kinds = Counter(case.defect for case in cases)
    print(", ".join(f"{number} {defect}" for defect, number in kinds.items()))
    print(f"{len(cases) - failures} of {len(cases)} refused in words, {len(kinds)} kinds, {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
