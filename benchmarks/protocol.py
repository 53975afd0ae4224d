"""Candidates in processes of their own, so that no framework disturbs another: JSON lines in, JSON lines out.

A child imports and builds first and says that it is ready; then it answers each line on its standard input with one on
its standard output. It waits between two requests, so the candidates of a measure can take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
MARK = "@answer "
"""Begins the lines that are answers; whatever else a framework writes is passed over."""


class CandidateError(Exception):
    """A candidate that ended early; the text holds the last lines that it wrote."""


class Child:
    """A candidate that waits for requests."""

    def __init__(self, module: str, settings: Mapping[str, Any]) -> None:
        """Start `python -m MODULE`; several may start at once, for the first request waits until it is ready."""
        self._module, self._errors = module, tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self._ready = False

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; `peak_bytes` is the largest memory of the child so far."""
        self.wait()
        if self._process.stdin is None:
            raise CandidateError(f"{self._module} takes no requests")
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error
        return self._answer()

    def wait(self) -> None:
        """Wait until the child has built what it needs."""
        if not self._ready:
            self._answer()
            self._ready = True

    def _answer(self) -> dict[str, Any]:
        for line in self._process.stdout or ():
            if line.startswith(MARK):
                answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return answer
        raise self._failure()

    def _failure(self) -> CandidateError:
        code = self._process.wait()
        self._errors.seek(0)
        return CandidateError(f"{self._module} ended with {code}: {self._errors.read()[-2000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        if kind is not None:
            self._process.kill()
        self._process.wait()
        self._errors.close()


def serve(build: Callable[[dict[str, Any]], Callable[..., dict[str, Any]]]) -> None:
    """Be a child: build from the settings on the command line, then answer requests until there are no more."""
    answer = build(json.loads(sys.argv[1]))
    _say({"ready": True})
    for line in sys.stdin:
        _say({**answer(**json.loads(line)), "peak_bytes": peak_bytes()})


def peak_bytes() -> int:
    """Return the largest resident memory that this process has had."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _say(answer: Mapping[str, Any]) -> None:
    print(MARK + json.dumps(answer), flush=True)
