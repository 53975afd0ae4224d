"""`sentiment-lab doctor` names what is wrong and mends what is safe."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sentiment_lab.base.console import print_message
from sentiment_lab.base.errors import LabError
from sentiment_lab.cli.diagnosis import Finding, examine
from sentiment_lab.config.compose import compose_config

PROBLEMS_LEFT = 1


def doctor(overrides: Sequence[str], *, fix: bool, as_json: bool) -> int:
    """Name what is wrong with versions, places, data, runs and the store, and mend what can be; 1 where any is left.

    Raises ConfigError for the overrides.
    """
    findings = [(finding, fix and _mended(finding)) for finding in examine(compose_config(overrides))]
    left = sum(not mended for _, mended in findings)
    if as_json:
        print(json.dumps([_plain(finding, mended=mended) for finding, mended in findings], indent=2))
    else:
        for finding, mended in findings:
            _show(finding, mended=mended)
        fixable = sum(finding.fix is not None and not mended for finding, mended in findings)
        more = f"; `sentiment-lab doctor --fix` mends {fixable} of them" if fixable else ""
        problems = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        print_message(f"{problems}, {left} left{more}" if findings else "all is well")
    return PROBLEMS_LEFT if left else 0


def _mended(finding: Finding) -> bool:
    if finding.fix is None:
        return False
    try:
        finding.fix()
    except (LabError, OSError) as error:
        print_message(f"could not be mended: {error}")
        return False
    return True


def _show(finding: Finding, *, mended: bool) -> None:
    print(f"{finding.area:<9} {finding.problem}")
    print(f"{'':<9} {'mended' if mended else '--fix' if finding.fix else 'to do'}: {finding.hint}")


def _plain(finding: Finding, *, mended: bool) -> dict[str, object]:
    return {
        "area": finding.area,
        "problem": finding.problem,
        "remedy": finding.hint,
        "fixable": finding.fix is not None,
        "mended": mended,
    }
