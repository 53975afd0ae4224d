"""`sentiment-lab doctor`: find problems with versions, folders, data, runs and the store, and fix safe ones."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import first_line
from sentiment_lab.cli.arguments import Commands, add_command, add_json, add_overrides
from sentiment_lab.cli.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from sentiment_lab.cli.finding import Finding
    from sentiment_lab.config.settings import Config


def add_parser(commands: Commands) -> None:
    """Declare the options of the command."""
    details = "Checks versions, folders, data, runs and the MLflow store. The exit code is 1 if problems remain."
    parser = add_command(commands, "doctor", run, "find problems with files, versions and the store", details)
    add_overrides(parser, "tracking.uri=URI")
    parser.add_argument("--fix", action="store_true", help="fix the problems that can be fixed without losing anything")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    return doctor(options.overrides, fix=options.fix, as_json=options.json)


def doctor(overrides: Sequence[str], *, fix: bool, as_json: bool) -> int:
    """Print the problems of a config's folders, data, runs and store, after fixing those that can be; 1 if any is left.

    Raises ConfigError for the overrides.
    """
    from sentiment_lab.cli.diagnosis import examine
    from sentiment_lab.config.compose import compose_config

    config = compose_config(overrides)
    findings = [(finding, False) for finding in examine(config)]
    if fix:
        findings = _fix_all(config, [finding for finding, _ in findings])
    left = sum(not fixed for _, fixed in findings)
    if as_json:
        print(json.dumps([_plain(finding, fixed=fixed) for finding, fixed in findings], indent=2))
    else:
        for finding, fixed in findings:
            _print(finding, fixed=fixed)
        fixable = sum(finding.fix is not None and not fixed for finding, fixed in findings)
        more = f"; `sentiment-lab doctor --fix` repairs {fixable} of them" if fixable else ""
        problems = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        print_message(f"{problems}, {left} left{more}" if findings else "no problems")
    return FAILED if left else DONE


def _fix_all(config: Config, findings: list[Finding]) -> list[tuple[Finding, bool]]:
    """Fix what can be fixed, and what only then is found; return all findings and whether each is gone afterwards."""
    from sentiment_lab.cli.diagnosis import examine

    tried: dict[tuple[str, str], Finding] = {}
    while waiting := [finding for finding in findings if finding.fix and finding.key not in tried]:
        for finding in waiting:
            tried[finding.key] = finding
            _fix(finding)
        findings = list(examine(config))
    left = {finding.key: finding for finding in findings}
    fixed = [(finding, True) for key, finding in tried.items() if key not in left]
    return fixed + [(finding, False) for finding in left.values()]


def _fix(finding: Finding) -> None:
    try:
        if finding.fix:
            finding.fix()
    except Exception as error:  # noqa: BLE001  # stores raise errors of many kinds; the next examination shows the rest
        print_message(f"not fixed: {finding.problem}: {first_line(error)}")


def _print(finding: Finding, *, fixed: bool) -> None:
    print(f"{finding.area:<9} {finding.problem}")
    print(f"{'':<9} {'fixed' if fixed else '--fix' if finding.fix else 'to do'}: {finding.hint}")


def _plain(finding: Finding, *, fixed: bool) -> dict[str, object]:
    return {
        "area": finding.area,
        "problem": finding.problem,
        "hint": finding.hint,
        "fixable": finding.fix is not None,
        "fixed": fixed,
    }
