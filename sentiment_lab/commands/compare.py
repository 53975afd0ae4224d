"""`sentiment-lab compare`: which variant is better, by how much, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from sentiment_lab.analysis.comparison import Comparison, compare
from sentiment_lab.analysis.formats import render_comparison, to_csv, to_latex, to_markdown, to_plain
from sentiment_lab.analysis.selection import Selection, select_hashes, select_study
from sentiment_lab.errors import LabError
from sentiment_lab.files import write_whole
from sentiment_lab.progress import console, say


def compare_runs(
    root: str,
    store: str,
    hashes: Sequence[str],
    study: str | None,
    *,
    by: Sequence[str],
    metric: str,
    sort: str | None,
    across_data: bool,
    form: str | None,
    report: str | None,
) -> int:
    """Compare the runs of a study, or those that hashes name, and print the answer.

    `form` is csv, latex, markdown or json, or None for tables in the terminal; `report` is a file for the page.
    Raises LabError for runs that are not there or cannot be compared, and for a page that cannot be written, before
    anything is read.
    """
    target = _checked_target(report) if report else None
    selection = _select(Path(root).absolute(), store, hashes, study)
    comparison = compare(selection, by=by, metric=metric, sort=sort, across_data=across_data)
    if selection.note:
        say(selection.note)
    _print(comparison, form)
    if target:
        _write_report(comparison, target)
    return 0


def _select(root: Path, store: str, hashes: Sequence[str], study: str | None) -> Selection:
    if hashes and study:
        raise LabError("name hashes or --study: one of the two")
    return select_hashes(root, store, hashes) if hashes else select_study(root, store, study)


def _checked_target(report: str) -> Path:
    """Return where the page goes.

    Raises LabError where it cannot be written.
    """
    path = Path(report).absolute()
    if path.is_dir() or report.endswith("/"):
        raise LabError(f"--report must name a file, such as {path / 'report.html'}; {report} is a folder")
    try:
        with TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise LabError(f"--report {report} cannot be written: {path.parent}: {error.strerror or error}") from error


def _write_report(comparison: Comparison, target: Path) -> None:
    from sentiment_lab.sweep.report import build_page

    write_whole(target, build_page(comparison, lambda ids: _read_texts(comparison, ids), say).page)
    say(f"report: {target}")


def _read_texts(comparison: Comparison, ids: Collection[str]) -> dict[str, str]:
    """Return reviews by id from where the best variant's first run had its data."""
    from sentiment_lab.compose import compose_config
    from sentiment_lab.data.texts import read_texts
    from sentiment_lab.run import cache_folder

    run = next(iter(comparison.best.variant.runs.values()))
    config = compose_config(run.folder.overrides())
    return read_texts(config.data, cache_folder(config), ids)


def _print(comparison: Comparison, form: str | None) -> None:
    if form == "json":
        print(json.dumps(to_plain(comparison), indent=2))
    elif form == "csv":
        print(to_csv(comparison), end="")
    elif form == "latex":
        print(to_latex(comparison), end="")
    elif form == "markdown":
        print(to_markdown(comparison))
    else:
        render_comparison(console(stderr=False), comparison)
