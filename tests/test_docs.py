"""The documentation names what exists: modules, files, studies and make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("experiments/*.md")),
]
PACKAGE = ROOT / "sentiment_lab"


def test_the_architecture_lists_each_module_once():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = re.search(r"^## Modules\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    listed = []
    for package, lines in re.findall(r"^### `(\w+)`\n(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL):
        listed += [f"{package}/{name}" for name in re.findall(r"^- `(\S+\.py)` – ", lines, re.MULTILINE)]  # noqa: RUF001
    modules = [file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py") if file.name != "__init__.py"]
    assert sorted(listed) == sorted(name for name in modules if "/" in name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_studies_exist(page):
    studies = {file.stem for file in ROOT.glob("experiments/*.yaml")}
    named = set(re.findall(r"\+experiments=(\w+)", page.read_text(encoding="utf-8")))
    assert named - {"NAME"} <= studies


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")))
    assert named <= targets
