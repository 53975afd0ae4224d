"""`sentiment-lab compare`: which variant is better, by how much, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison, compare
from sentiment_lab.analysis.formats import render_comparison, to_csv, to_latex, to_markdown, to_plain
from sentiment_lab.analysis.selection import Selection, select_hashes, select_study
from sentiment_lab.errors import LabError
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
) -> int:
    """Compare the runs of a study, or those that hashes name, and print the answer.

    `form` is csv, latex, markdown or json, None for tables in the terminal. Raises LabError for runs that are not there
    or cannot be compared.
    """
    selection = _select(Path(root).absolute(), store, hashes, study)
    comparison = compare(selection, by=by, metric=metric, sort=sort, across_data=across_data)
    if selection.note:
        say(selection.note)
    _print(comparison, form)
    return 0


def _select(root: Path, store: str, hashes: Sequence[str], study: str | None) -> Selection:
    if hashes and study:
        raise LabError("name hashes or --study: one of the two")
    return select_hashes(root, store, hashes) if hashes else select_study(root, store, study)


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
