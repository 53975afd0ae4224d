"""The command line: exit codes, messages, help, and imports."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from sentiment_lab.analysis.markdown.figures import FIGURES
from sentiment_lab.analysis.summaries import ACCURACY
from sentiment_lab.cli import compare, data, question, train
from sentiment_lab.cli import main as main_module
from sentiment_lab.cli.parser import COMMANDS
from tests.tiny import LINEAR


def test_a_process_exits_with_the_code_and_prints_the_message_to_standard_error(tmp_path):
    command = [sys.executable, "-m", "sentiment_lab", "train", "training.epochs=0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: training.epochs must be at least 1, got 0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "modle=gru"], "error: modle is not a setting; did you mean model?"),
        (["train", "-m", "model=gru,lstm", "model.dropout=0,20"], "error: model.dropout must be in [0, 1), got 20"),
        (["show", "abc"], "error: no run 'abc': there are no runs below mlruns/runs"),
        (["show", "abc", "--store", "there"], "error: no run 'abc': there are no runs below there/runs"),
        (["show", "abc", "--store", "there", "--runs", "here"], "error: no run 'abc': there are no runs below here"),
        (["train", "-m", "seed=1,2", "--cfg", "job"], "error: --cfg shows a single run: leave out -m"),
        (["train", "--info", "plugins", "-m", "seed=1,2"], "error: --info shows a single run: leave out -m"),
        (
            ["train", "--config-path", "here"],
            "error: --config-path is fixed; add a folder of configs with --config-dir",
        ),
        (["train", "seed=1", "--config-name", "mine"], "error: --config-name is fixed"),
        (["train", "--config-dir", "nowhere", "seed=1"], "nowhere' not found"),
        (["plan", "--config-dir", "nowhere", "seed=1"], "nowhere' not found"),
        (["train", "-sc", "install=bash"], "error: --shell-completion does not know subcommands"),
        (
            ["train", "-m", "hydra/launcher=joblib"],
            "error: hydra/launcher must be one of basic, sentiment_lab, got 'joblib'; launch=pool",
        ),
        (["train", "hydra.run.dir=there"], "error: hydra.run.dir must not be set: a run's folder is paths.runs/HASH"),
        (["train", "-m", "hydra.sweep.dir=there"], "error: hydra.sweep.dir must not be set"),
        (["plan", "hydra.job.chdir=true"], "error: hydra.job.chdir must not be set"),
        (
            ["train", "seed=1\r"],
            r"error: 'seed=1\r' ends with a carriage return: save the script with Unix line endings",
        ),
        (["show", "abc\r"], r"error: 'abc\r' ends with a carriage return"),
        (["predict", "abc", "text"], "error: no run 'abc'"),
        (["predict", "abc"], "error: give either texts to classify or --csv FILE"),
        (["data", "info", "data=imdb", "data.path=nowhere.csv"], "nowhere.csv"),
        (["data", "fetch", "data=generated"], "error: data must be imdb: only these reviews are downloaded"),
        (["ui"], "error: no MLflow store in"),
        (["ruins"], "invalid choice: 'ruins'"),
        (["runs", "--stody", "x"], "unrecognized arguments: --stody x"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_bad_usage_exits_2_with_one_message_and_no_traceback(arguments, message, lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = lab(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert "Error executing job" not in ended.err


def test_flags_of_hydra_are_accepted_in_any_order(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs" / "model").mkdir(parents=True)
    (tmp_path / "configs" / "model" / "mine.yaml").write_text("defaults: [gru]\nunits: [7]\n", encoding="utf-8")
    flags = ["--cfg", "job", "--package", "model.units", "--config-dir", "configs"]
    for arguments in (["model=mine", *flags, "seed=1"], [*flags, "seed=1", "model=mine"]):
        ended = lab("train", *arguments)
        assert (ended.code, "- 7" in ended.out) == (0, True), ended.err
    planned = lab("plan", "--config-dir", "configs", "model=mine", "seed=1", "--json")
    assert "model=mine" in planned.out, planned.err
    # In a process of its own: for its help Hydra configures logging, which closes the handlers of pytest.
    command = [sys.executable, "-m", "sentiment_lab", "train", "seed=3", "--hydra-help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert shown.stdout.startswith("Hydra (1.3"), shown.stderr


@pytest.mark.parametrize("command", [["train", *LINEAR], ["runs"], ["plan", "seed=1"]])
def test_a_folder_that_was_removed_ends_a_command_with_one_line(command, lab, tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    ended = lab(*command)
    assert (ended.code, ended.err) == (
        2,
        "error: the current folder does not exist any more; change into another one\n",
    )


@pytest.mark.parametrize("key", ["paths.store", "paths.runs"])
@pytest.mark.parametrize("command", ["train", "plan"])
def test_a_file_in_place_of_an_output_folder_is_named_before_anything_runs(key, command, lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nothing")
    for place in ("file/below", "link"):
        ended = lab(command, *LINEAR, f"{key}={place}")
        assert ended.code == 2
        assert ended.err.startswith(f"error: {key} must be a folder, but {tmp_path / place.partition('/')[0]} is none")
        assert ended.err.count("\n") == 1


def test_python_without_docstrings_is_refused(monkeypatch, lab):
    monkeypatch.setattr(main_module, "sys", SimpleNamespace(**{**vars(sys), "flags": SimpleNamespace(optimize=2)}))
    assert "error: Hydra does not work without docstrings: unset PYTHONOPTIMIZE=2" in lab("runs").err


def test_a_bad_sweep_names_the_job_and_starts_nothing(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = lab("train", "-m", "seed=1,2,x")
    assert ended.code == 2
    assert "seed must be a whole number, got 'x'   (in the job: seed=x)" in ended.err
    assert not (tmp_path / "mlruns" / "runs").exists()


def test_an_interrupted_training_exits_130_and_names_the_way_to_resume(lab, monkeypatch):
    def stop(arguments):
        raise KeyboardInterrupt("stopped by SIGTERM")

    monkeypatch.setattr("sentiment_lab.cli.train.train", stop)
    ended = lab("train")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "error: stopped by SIGTERM; rerun the same command to resume from the last checkpoint\n"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "sentiment-lab train -m model=gru,lstm seed=1,2,3"),
        (["--version"], "sentiment-lab 0."),
        (["train", "--help"], "model: bigru, bigru_matched, bilstm, gru"),
        (["train", "--cfg", "job", "model=gru"], "cell: gru"),
        (["predict", "--help"], "--column"),
        (["data", "info", "--help"], "data=imdb"),
        (["runs", "--json"], "[]"),
        (["plan", "model=gru", "--json", "seed=1"], '"seed": 1'),
    ],
)
def test_help_and_listings_answer(arguments, shown, lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = lab(*arguments)
    assert ended.code == 0, ended.err
    assert shown in ended.out


NAMES = [["data", "fetch"], ["data", "info"]]
NAMES += [[module.__name__.rpartition(".")[2]] for module in COMMANDS if module not in (data, train)]


@pytest.mark.parametrize("names", NAMES, ids=" ".join)
def test_every_command_names_both_folders(names, lab):
    text = " ".join(lab(*names, "--help").out.split())
    as_overrides = "paths.store=DIR and paths.runs=DIR set the folders" in text
    as_options = ["--store DIR" in text, "--runs DIR" in text]
    assert as_options == [not as_overrides] * 2


def test_what_the_parser_repeats_to_start_fast_is_what_the_analysis_has():
    assert tuple(FIGURES) == compare.FIGURES
    assert question.ACCURACY == ACCURACY


HEAVY = {"numpy", "pandas", "rich", "hydra", "omegaconf", "mlflow", "keras", "tensorflow"}
LIGHT = [
    (["--help"], HEAVY),
    (["compare", "--help"], HEAVY),
    (["runs", "--watsh"], HEAVY),
    (["runs"], HEAVY - {"rich"}),
    (["show", "3f2a"], HEAVY - {"rich", "numpy"}),
    (["diff", "3f2a", "81c0"], HEAVY - {"rich", "numpy"}),
    (["compare"], {"mlflow", "keras", "tensorflow"}),
    (["train", "--cfg", "job"], {"mlflow", "keras", "tensorflow"}),
    (["train", "model.dropout=7"], {"mlflow", "keras", "tensorflow"}),
    (["plan", "seed=1,2"], {"mlflow", "keras", "tensorflow"}),
    (["predict", "3f2a", "a film"], {"mlflow", "keras", "tensorflow"}),
    (["data", "fetch", "data.path=nowhere"], {"mlflow", "keras", "tensorflow"}),
    (["doctor"], {"keras", "tensorflow"}),
]
"""Commands, and packages that they do not import. Commands that open the MLflow store are slow and left out; for them,
import-linter checks that `tracking` does not import TensorFlow.
"""


def test_no_command_imports_what_it_does_not_need(tmp_path):
    code = (
        "import sys\nfrom sentiment_lab.cli.main import main\n"
        f"for arguments, unneeded in {LIGHT!r}:\n"
        "    try:\n        main(arguments)\n    except SystemExit:\n        pass\n"
        "    imported = unneeded & set(sys.modules)\n"
        "    if imported:\n        sys.exit(f'{arguments} imports {imported}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
