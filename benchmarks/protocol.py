"""Candidates run in their own processes, so that frameworks do not affect each other: JSON lines in, JSON lines out.

A child imports its framework and builds its network first, and reports that it is ready. Then it responds to each line
on its standard input with one line on its standard output. It is idle between two requests, so that the candidates of a
measure can take turns.
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
MARK = "@response "
"""Prefix of the lines that are responses; all other output of a framework is ignored."""


class CandidateError(Exception):
    """A candidate ended early; the text contains its last error output."""


class Child:
    """The process of a candidate."""

    def __init__(self, module: str, settings: Mapping[str, Any]) -> None:
        """Start `python -m MODULE`; several can start at once, because the first request waits until it is ready."""
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

    def request(self, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its response; `peak_bytes` is the largest resident memory of the child so far."""
        self.wait()
        if self._process.stdin is None:
            raise CandidateError(f"{self._module} has no standard input")
        try:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error
        return self._response()

    def wait(self) -> None:
        """Wait until the child is ready."""
        if not self._ready:
            self._response()
            self._ready = True

    def _response(self) -> dict[str, Any]:
        for line in self._process.stdout or ():
            if line.startswith(MARK):
                response: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return response
        raise self._failure()

    def _failure(self) -> CandidateError:
        code = self._process.wait()
        self._errors.seek(0)
        return CandidateError(f"{self._module} ended with exit code {code}: {self._errors.read()[-2000:]}")

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
    """Run as a child: build from the settings on the command line, then respond to requests until the input ends."""
    respond = build(json.loads(sys.argv[1]))
    _send({"ready": True})
    for line in sys.stdin:
        _send({**respond(**json.loads(line)), "peak_bytes": peak_bytes()})


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _send(response: Mapping[str, Any]) -> None:
    print(MARK + json.dumps(response), flush=True)
