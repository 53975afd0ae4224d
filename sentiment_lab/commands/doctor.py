"""`sentiment-lab doctor` names what is wrong and mends what is safe; `sync` makes the store equal to the folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sentiment_lab.compose import compose_config
from sentiment_lab.config import Config
from sentiment_lab.doctor import Finding, all_runs, examine
from sentiment_lab.errors import LabError
from sentiment_lab.progress import say

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
        say(f"{problems}, {left} left{more}" if findings else "all is well")
    return PROBLEMS_LEFT if left else 0


def sync(overrides: Sequence[str]) -> int:
    """Bring the MLflow store up to date with every run and sweep on disk; 1 where the store failed for any.

    Raises ConfigError for the overrides.
    """
    from sentiment_lab.tracking.mirror import catch_up
    from sentiment_lab.tracking.store import open_store

    config = compose_config(overrides)
    store = open_store(config.tracking, config.paths)
    runs = [run for run in all_runs(config) if run.started()]
    free = [run for run in runs if run.holder is None]
    done = [catch_up(store, config.tracking, run, say) for run in free]
    sweeps = _sync_sweeps(config)
    busy = f", {len(runs) - len(free)} are being trained and mirror themselves" if len(free) < len(runs) else ""
    say(f"{sum(done)} of {len(free)} runs and {sweeps} sweeps are up to date in {store.uri}{busy}")
    return 0 if all(done) else PROBLEMS_LEFT


def _sync_sweeps(config: Config) -> int:
    from sentiment_lab.sweep.mirror import mirror_sweep
    from sentiment_lab.sweep_record import SweepRecord, list_sweeps
    from sentiment_lab.tracking.store import open_store

    root, done = Path(config.paths.runs).absolute(), 0
    for folder in list_sweeps(config.paths.store):
        try:
            record = SweepRecord.read(folder)
            if not any(run.holder for _, run in record.runs(root)):
                mirror_sweep(open_store(config.tracking, config.paths), record, root, folder)
            done += 1
        except Exception as error:  # noqa: BLE001  # whatever a store raises, the other sweeps are tried
            say(f"sweep {folder.name}: {error}")
    return done


def _mended(finding: Finding) -> bool:
    if finding.fix is None:
        return False
    try:
        finding.fix()
    except (LabError, OSError) as error:
        say(f"could not be mended: {error}")
        return False
    return True


def _show(finding: Finding, *, mended: bool) -> None:
    print(f"{finding.area:<9} {finding.problem}")
    print(f"{'':<9} {'mended' if mended else '--fix' if finding.fix else 'to do'}: {finding.remedy}")


def _plain(finding: Finding, *, mended: bool) -> dict[str, object]:
    return {
        "area": finding.area,
        "problem": finding.problem,
        "remedy": finding.remedy,
        "fixable": finding.fix is not None,
        "mended": mended,
    }
