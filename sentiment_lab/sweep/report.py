"""The page of a sweep, in the sweep's folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sentiment_lab.analysis.comparison import Comparison
from sentiment_lab.config import Config
from sentiment_lab.files import storing, write_whole

PAGE, FIGURES = "report.html", "figures"


def write_report(comparison: Comparison, config: Config, folder: Path, say: Callable[[str], None]) -> None:
    """Write the page and its figures into a sweep's folder and say where; what fails in it is said too, not raised.

    `config` is that of any of the sweep's runs: it says where the reviews are.
    """
    try:
        _write(comparison, config, folder)
    except Exception as error:  # noqa: BLE001  # the sweep is done, whatever its page lacks
        reason = str(error).partition("\n")[0]
        say(f"no report ({type(error).__name__}: {reason}); sentiment-lab compare {folder.name} --report FILE.html")
        return
    say(f"report: {folder / PAGE}")


def read_report(folder: Path) -> dict[str, str]:
    """Return the page and the figures that are in a sweep's folder, by name."""
    found = [*folder.glob(PAGE), *sorted(folder.glob(f"{FIGURES}/*.svg"))]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}


def _write(comparison: Comparison, config: Config, folder: Path) -> None:
    from sentiment_lab.analysis.report.page import build_report
    from sentiment_lab.data.texts import read_texts
    from sentiment_lab.run import cache_folder

    report = build_report(comparison, lambda ids: read_texts(config.data, cache_folder(config), ids))
    figures = folder / FIGURES
    with storing(figures):
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir()
    for name, text in report.figures.items():
        write_whole(figures / name, text)
    write_whole(folder / PAGE, report.page)
