"""`runs` and `show`, and a sweep as a process: what a person reads, and what a script does."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest

from sentiment_lab.cli.runs import runs
from sentiment_lab.cli.show import show
from sentiment_lab.cli.watch import changes, look, totals
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.epoch_loop import TrainingError
from tests.tiny import TINY


@pytest.fixture
def two_runs(tiny):
    good = Job(compose_config([*tiny, "study.name=mine"]), [*tiny, "study.name=mine"], "bilstm")
    execute(good)
    broken = [*tiny, "optimizer=sgd", "optimizer.learning_rate=1e38", "optimizer.global_clipnorm=null"]
    bad = Job(compose_config(broken), broken, "bilstm")
    with pytest.raises(TrainingError):
        execute(bad)
    return good, bad


def test_runs_and_show_say_how_each_run_ended(two_runs, capsys):
    good, bad = two_runs
    root = str(good.folder.path.parent)
    runs(root, None, as_json=True)
    listed = {facts["hash"]: facts for facts in json.loads(capsys.readouterr().out)}
    assert listed[good.folder.short_hash]["state"] == "complete"
    assert listed[bad.folder.short_hash]["state"] == "failed"
    runs(root, "mine", as_json=False)
    shown = capsys.readouterr().out
    assert good.folder.short_hash in shown
    assert bad.folder.short_hash not in shown
    show(root, bad.folder.short_hash[:8], as_json=False)
    shown = capsys.readouterr().out
    assert "reason: TrainingError: the loss became" in shown
    assert "sentiment-lab train" in shown


def test_a_damaged_run_is_named_and_hides_no_other(two_runs, capsys):
    good, bad = two_runs
    path = good.folder.path / "result.json"
    path.write_text(path.read_text().replace("0.", "1.", 1))
    root = str(good.folder.path.parent)
    assert runs(root, None, as_json=True) == 0
    shown = capsys.readouterr()
    listed = {facts["hash"]: facts for facts in json.loads(shown.out)}
    assert listed[good.folder.short_hash]["state"] == "damaged"
    assert listed[good.folder.short_hash]["test_accuracy"] is None
    assert listed[bad.folder.short_hash]["state"] == "failed"
    assert f"warning: {path} is damaged" in shown.err
    show(root, good.folder.short_hash, as_json=False)
    assert f"reason: {path} is damaged" in capsys.readouterr().out


def test_a_run_that_went_on_keeps_its_name_and_its_study(two_runs, capsys):
    good, _ = two_runs
    good.folder.journal.append("started", host="here", pid=1)  # as a later attempt does
    runs(str(good.folder.path.parent), "mine", as_json=True)
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["study"], facts["name"]) == ("mine", good.name)


def test_show_gives_scores_and_the_stored_result(two_runs, capsys):
    good, _ = two_runs
    root = str(good.folder.path.parent)
    show(root, good.folder.short_hash, as_json=True)
    facts = json.loads(capsys.readouterr().out)
    result = good.folder.result()
    assert facts["result"]["test"]["accuracy"] == result.test.accuracy
    assert facts["config"]["seed"] == 0
    show(root, good.folder.short_hash, as_json=False)
    shown = capsys.readouterr().out
    assert f"test accuracy {100 * result.test.accuracy:.2f} %" in shown
    assert result.weights_digest in shown


def test_a_sweep_shows_its_table_and_failures_and_exits_1(tmp_path, cache):
    words = [
        "-m",
        "tracking=none",
        f"paths.cache={cache}",
        "seed=1,2",
        "optimizer=sgd",
        "optimizer.learning_rate=0.1,1e38",
    ]
    command = [sys.executable, "-m", "sentiment_lab", "train", *TINY, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "bilstm learning_rate=0.1" in done.stderr
    assert done.stderr.count("failed: bilstm learning_rate=1e+38 seed=") == 2
    assert "Traceback" not in done.stderr
    (log,) = (tmp_path / "mlruns" / "sweeps").iterdir()
    assert [job["name"] for job in json.loads((log / "jobs.json").read_text(encoding="utf-8"))["jobs"]] == [
        "bilstm learning_rate=0.1 seed=1",
        "bilstm learning_rate=1e+38 seed=1",
        "bilstm learning_rate=0.1 seed=2",
        "bilstm learning_rate=1e+38 seed=2",
    ]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "mlruns").write_text("a file where a folder should be", encoding="utf-8")
    command = [sys.executable, "-m", "sentiment_lab", "train", *TINY, f"paths.cache={tmp_path}/cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {tmp_path}/mlruns")


def test_a_damaged_file_is_warned_of_where_its_run_is_shown(two_runs, capsys):
    good, _ = two_runs
    path, root = good.folder.journal.path, str(good.folder.path.parent)
    path.write_bytes(path.read_bytes().replace(b'"epoch": 2', b'"epoch": 7'))
    runs(root, None, as_json=True)
    show(root, good.folder.short_hash, as_json=True)
    assert capsys.readouterr().err.count(f"warning: {path} is damaged at line 4") == 2


def test_watching_tells_each_change_once(tmp_path, tiny):
    root = tmp_path / "runs"
    assert totals(look(root, None)) == "no runs"
    looks = []

    class Looker(Callback):
        def epoch_ended(self, record):
            looks.append(look(root, None))

    one = Job(compose_config([*tiny, "study.name=watched"]), tiny, "bilstm")
    execute(one, callback=Looker())
    looks.append(look(root, None))
    states = [seen[one.folder.short_hash].state for seen in looks]
    assert states == ["running", "running", "complete"]
    told = [list(changes(before, now)) for before, now in itertools.pairwise([{}, *looks, looks[-1]])]
    assert [len(lines) for lines in told] == [1, 1, 1, 0]
    assert "epoch 1  loss" in told[0][0]
    assert totals(looks[-1]) == "1 complete"
    assert look(root, "another") == {}
