"""`export`: a network that programs without this package load, with everything that they need beside it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from sentiment_lab.cli.export import FORMATS
from sentiment_lab.models import export
from sentiment_lab.models.classifier import load_classifier
from sentiment_lab.sweeps.execution import execute
from tests.tiny import job_of

BLOCKED = "import sys; sys.modules['sentiment_lab'] = None; sys.path.insert(0, '.')\n"
"""Makes `import sentiment_lab` fail in the code after it."""


def run_readme(folder):
    """Run the README's code in its folder, where this package cannot be imported; return the probability it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    command = [sys.executable, "-c", f"{BLOCKED}{code}\nprint('probability', np.asarray(probability)[0, 0])"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
    assert "probability " in done.stdout, done.stderr
    return float(done.stdout.rpartition(" ")[2])


def test_the_parser_has_the_formats_of_the_export():
    assert get_args(export.Format) == FORMATS


def test_a_network_is_exported_with_what_programs_need(trained_run, lab):
    ended = lab("export", trained_run.short_hash[:6], "--json")
    assert ended.code == 0, ended.err
    written = json.loads(ended.out)
    assert written["format"] == "keras"
    assert written["largest_difference"] < 1e-6
    folder = trained_run.path.parents[2] / written["folder"]
    names = {"README.md", "examples.json", "model.keras", "tokenizer.py", "vocabulary.json"}
    assert {path.name for path in folder.iterdir()} == names
    examples = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    expected = load_classifier(trained_run.model).predict_probabilities([example["text"] for example in examples])
    assert [example["probability"] for example in examples] == expected.tolist()
    again = lab("export", trained_run.short_hash)
    assert (again.code, "exists already; name another folder with --output DIR" in again.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("words", [["model=bilstm"], ["model=gru", "text.padding=left", "text.max_length=9"]])
def test_the_readme_gives_the_probability_of_the_run(kind, words, tiny, tmp_path, lab):
    job = job_of([*tiny, *words])
    execute(job)
    ended = lab(
        "export", job.folder.short_hash, "--format", kind, "--output", f"{tmp_path}/out", "--store", f"{tmp_path}"
    )
    assert ended.code == 0, ended.err
    (expected,) = load_classifier(job.folder.model).predict_probabilities(["A warm, funny and moving film."])
    assert run_readme(tmp_path / "out") == pytest.approx(float(expected), abs=1e-5)


def test_a_linear_baseline_has_no_such_form(linear, tmp_path, lab):
    job = job_of(linear)
    execute(job)
    ended = lab("export", job.folder.short_hash, "--store", f"{tmp_path}", "--output", f"{tmp_path}/out")
    assert (ended.code, "is a linear baseline, not a network" in ended.err) == (2, True)
    assert not (tmp_path / "out").exists()


def test_other_numbers_and_missing_packages_leave_nothing_behind(trained_run, lab, monkeypatch, tmp_path):
    monkeypatch.setitem(export._WRITERS, "keras", lambda network, path: lambda token_ids: np.full(len(token_ids), 2.0))
    ended = lab("export", trained_run.short_hash, "--output", "out")
    assert (ended.code, "gives other probabilities, by up to " in ended.err) == (2, True)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ended = lab("export", trained_run.short_hash, "--output", "out", "--format", "onnx")
    assert "--format onnx needs onnxruntime: pip install 'sentiment-lab[onnx]'" in ended.err
    assert not list(tmp_path.glob("out*"))
