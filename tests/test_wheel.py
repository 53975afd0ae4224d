"""The wheel holds what a run needs: conf/ and experiments/ included."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_conf_and_experiments_are_inside(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments"):
        expected = {f"sentiment_lab/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*.yaml")}
        assert expected <= names
    assert {f"sentiment_lab/analysis/report/page.{kind}" for kind in ("html", "css")} <= names
    assert not [name for name in names if name.startswith(("tests/", "mlruns/"))]


def test_an_installed_wheel_composes_from_an_empty_folder(wheel, tmp_path):
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    install = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(home), "platbase": str(home)}))
    # The environment holds the wheel alone; its dependencies are those that this environment has locked.
    (site / "locked.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [str(home / "bin" / "sentiment-lab"), "train", "--cfg", "job", "model=gru", "+experiments=article"]
    done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "  cell: gru" in done.stdout.splitlines()
    where = "import sentiment_lab.config.compose as c; print(c.resource_folder('conf'))"
    shown = subprocess.run(
        [str(home / "bin" / "python"), "-c", where], cwd=empty, capture_output=True, text=True, check=True
    )
    assert shown.stdout.startswith(str(site)), "the wheel itself must answer, not this checkout"
    assert not list(empty.iterdir())
