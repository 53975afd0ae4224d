"""Run `sentiment-lab train` with invalid configs and check that each is refused with a clear message.

    python -m benchmarks.faults.malformed [--count 300] [--seed 0] [--started] [--max-seconds 2]

The cases are drawn at random: every setting, type and rule is read from the config classes. A case passes if the
command exits with 2 within two seconds of processor time (other load does not count), names the mistake, prints no
traceback and writes nothing.

Each case runs in its own process, in an empty folder. The processes are forked from one that has imported the commands,
so that 300 cases take a minute; `--started` starts each Python process anew instead, as a user does.
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

from benchmarks.faults import invalid_overrides, studies
from benchmarks.faults.invalid_overrides import LEAVES, Case
from sentiment_lab.cli.exit_codes import BAD_USAGE
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import Setting

MAX_SECONDS = 2.0
"""Processor time of a command."""
TIMEOUT = 20.0
"""Seconds after which a command is killed."""
MAX_CHARACTERS = 4_000
"""Length of a message; a value of a megabyte must not be repeated in full."""

ExitAndOutput = tuple[int | None, str]


def malformed_command_lines(count: int, seed: int) -> list[Case]:
    """Draw `count` distinct cases: each kind of defect in turn, each time for the setting with the fewest cases."""
    random = Random(seed)  # noqa: S311  # nothing secret
    cases_of: Counter[Setting] = Counter()
    cases: dict[Any, Case] = {}
    for defect in itertools.cycle((*invalid_overrides.DEFECTS, *studies.DEFECTS)):
        if len(cases) == count:
            break
        candidates = sorted(LEAVES, key=lambda setting: (cases_of[setting], random.random()))
        setting, case = next((setting, case) for setting in candidates if (case := defect(random, setting)))
        cases_of[setting] += setting.key in " ".join((*case.arguments, case.expected))
        cases.setdefault((case.arguments, case.files), case)
    return list(cases.values())


def find_problem(case: Case, folder: Path, *, started: bool = False, max_seconds: float = MAX_SECONDS) -> str | None:
    """Run a case in an empty folder; return the problem with how it was refused, or None."""
    for name, content in case.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    before = sorted(folder.rglob("*"))
    start = _processor_seconds()
    code, output = (_start if started else _fork)(case.arguments, folder)
    seconds = _processor_seconds() - start
    checks = {
        f"exit code {code}": code != BAD_USAGE,
        "a traceback": "Traceback" in output,
        f"{case.expected!r} is not named": case.expected not in output,
        f"a message of {len(output)} characters": len(output) > MAX_CHARACTERS,
        "control characters": any(not letter.isprintable() and letter != "\n" for letter in output),
        f"files written: {_new_files(folder, before)}": bool(_new_files(folder, before)),
        f"{seconds:.1f} s": seconds > max_seconds,
    }
    problems = [problem for problem, failed in checks.items() if failed]
    return f"{', '.join(problems)}: {output[-600:]}" if problems else None


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _new_files(folder: Path, before: Sequence[Path]) -> list[str]:
    return [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path not in before]


def _start(arguments: Sequence[str], folder: Path) -> ExitAndOutput:
    command = [sys.executable, "-m", "sentiment_lab", "train", *arguments]
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                command, cwd=folder, stdout=output, stderr=output, timeout=TIMEOUT, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        return code, _read(output)


def _fork(arguments: Sequence[str], folder: Path) -> ExitAndOutput:
    with tempfile.TemporaryFile() as output:
        child = multiprocessing.get_context("fork").Process(target=_run_main, args=(arguments, folder, output.fileno()))
        child.start()
        child.join(TIMEOUT)
        child.kill()
        child.join()
        return child.exitcode, _read(output)


def _run_main(arguments: Sequence[str], folder: Path, output: int) -> None:
    from sentiment_lab.cli.main import main

    os.chdir(folder)
    for stream in (1, 2):
        os.dup2(output, stream)
    main(["train", *arguments])


def _read(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def _run_case(case: Case, *, started: bool, max_seconds: float) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        return find_problem(case, Path(folder), started=started, max_seconds=max_seconds)


def main() -> int:
    """Draw and run the cases; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--started", action="store_true", help="start each process anew instead of forking")
    parser.add_argument("--max-seconds", type=float, default=MAX_SECONDS, help="processor time allowed per case")
    options = parser.parse_args()
    run_case = partial(_run_case, started=options.started, max_seconds=options.max_seconds)
    cases = malformed_command_lines(options.count, options.seed)
    import sentiment_lab.cli.train  # noqa: F401  # imported before the fork

    compose_config()
    start = time.monotonic()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        problems = list(pool.map(run_case, cases))
    failures = [(case, problem) for case, problem in zip(cases, problems, strict=True) if problem]
    for case, problem in failures:
        print(f"{case.defect}: {' '.join(map(repr, case.arguments))[:300]}\n    {problem}")
    _print_summary(cases, len(failures), time.monotonic() - start)
    return 1 if failures else 0


def _print_summary(cases: Sequence[Case], failures: int, seconds: float) -> None:
    kinds = Counter(case.defect for case in cases)
    print(", ".join(f"{number} {defect}" for defect, number in kinds.items()))
    print(f"{len(cases) - failures} of {len(cases)} refused correctly, {len(kinds)} kinds, {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
