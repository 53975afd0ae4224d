"""The wheel contains everything that a run needs, including conf/ and experiments/."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ["train", "--cfg", "job", "model=gru", "+experiments=article"]
RESOURCES = "from sentiment_lab.config.resources import resource_folder; print(resource_folder('conf'))"
"""Prints where the package finds its configuration."""


def run(command, folder, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env={**environment, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_conf_and_experiments_are_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments"):
        expected = {f"sentiment_lab/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*.yaml")}
        assert expected <= names
    assert {f"sentiment_lab/analysis/report/page.{kind}" for kind in ("html", "css")} <= names
    assert not [name for name in names if name.startswith(("tests/", "mlruns/"))]


def test_an_extracted_wheel_composes_from_an_empty_folder(wheel, tmp_path, empty):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    output = run([sys.executable, "-m", "sentiment_lab", *COMPOSE], empty, PYTHONPATH=str(site))
    assert "  cell: gru" in output.splitlines()
    resources = run([sys.executable, "-c", RESOURCES], empty, PYTHONPATH=str(site))
    assert resources.startswith(str(site)), "the files of the wheel must be used, not those of this checkout"
    assert not list(empty.iterdir())


@pytest.mark.slow
def test_an_installed_wheel_composes_from_an_empty_folder(wheel, tmp_path, empty):
    home = tmp_path / "environment"
    run([sys.executable, "-m", "venv", str(home)], empty)
    python = str(home / "bin" / "python")
    run([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)], empty)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(home), "platbase": str(home)}))
    # The new environment contains only the wheel; the dependencies are those of the current environment.
    (site / "locked.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    output = run([str(home / "bin" / "sentiment-lab"), *COMPOSE], empty)
    assert "  cell: gru" in output.splitlines()
    resources = run([python, "-c", RESOURCES], empty)
    assert resources.startswith(str(site)), "the files of the wheel must be used, not those of this checkout"
    assert not list(empty.iterdir())
