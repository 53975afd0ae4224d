"""The command line, as a process: exit codes, messages, what is not imported."""

from __future__ import annotations

import subprocess
import sys

import pytest


def lab(*words, cwd=None):
    command = [sys.executable, "-m", "sentiment_lab", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "modle=gru"], "error: modle is not a setting; did you mean model?"),
        (["train", "-m", "model=gru,lstm", "model.dropout=0,20"], "error: model.dropout must be in [0, 1), got 20"),
        (["train", "training.epochs=0"], "error: training.epochs must be at least 1, got 0"),
        (["show", "abc"], "error: no run 'abc': there are no runs below"),
        (["predict", "abc", "text"], "error: no run 'abc'"),
        (["predict", "abc"], "error: give texts to judge, or --csv FILE"),
        (["data", "info", "data=imdb", "data.path=nowhere.csv"], "nowhere.csv"),
        (["ui"], "error: no MLflow store in"),
        (["ruins"], "invalid choice: 'ruins'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_bad_usage_exits_2_with_one_message_and_no_trace(words, message, tmp_path):
    done = lab(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "Error executing job" not in done.stderr
    assert done.stdout == ""


def test_a_bad_sweep_names_the_job_and_starts_nothing(tmp_path):
    done = lab("train", "-m", "seed=1,2,x", cwd=tmp_path)
    assert done.returncode == 2
    assert "seed must be a whole number, got 'x'   (in the job: seed=x)" in done.stderr
    assert not (tmp_path / "mlruns" / "runs").exists()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--help"], "sentiment-lab train -m model=gru,lstm seed=1,2,3"),
        (["--version"], "sentiment-lab 0."),
        (["train", "--help"], "model: bigru, bigru_matched, bilstm, gru"),
        (["train", "--cfg", "job", "model=gru"], "cell: gru"),
        (["predict", "--help"], "--column"),
        (["data", "info", "--help"], "data=imdb"),
        (["runs", "--json"], "[]"),
    ],
)
def test_help_and_listings_answer(words, shown, tmp_path):
    done = lab(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["runs"], ["train", "--cfg", "job"], ["train", "model.dropout=7"]])
def test_no_command_but_a_training_imports_tensorflow_or_mlflow(words, tmp_path):
    code = (
        "import sys\nfrom sentiment_lab.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        "print({'tensorflow', 'keras', 'mlflow'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr.splitlines()[-1] == "set()"
