"""`runs`, `show`, `diff` and `runs --watch`, and what a sweep prints."""

from __future__ import annotations

import itertools
import json

import pytest

from sentiment_lab.cli.watch import changes, read_statuses, totals
from tests.tiny import LINEAR


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def listed(ended):
    return {run["hash"]: run for run in json.loads(ended.out)}


def test_runs_and_show_report_how_each_run_ended(two_runs, lab):
    good, bad = two_runs
    runs = listed(lab("runs", "--json"))
    assert runs[good.short_hash]["state"] == "complete"
    assert runs[bad.short_hash]["state"] == "failed"
    table = lab("runs", "--study", "mine").out
    assert good.short_hash in table
    assert bad.short_hash not in table
    shown = lab("show", bad.short_hash[:8]).out
    assert "reason: TrainingError: the loss became" in shown
    assert "sentiment-lab train" in shown


def test_runs_are_found_in_the_named_folders(two_runs, lab, tmp_path):
    good, _ = two_runs
    (tmp_path / "mlruns").rename(tmp_path / "store")
    assert good.short_hash in listed(lab("runs", "--json", "--store", "store"))
    assert good.short_hash in listed(lab("runs", "--json", "--runs", "store/runs"))
    ended = lab("runs", "--study", "mine")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("no runs below mlruns/runs in the study 'mine'; ")


def test_a_damaged_run_is_named_and_hides_no_other(two_runs, lab):
    good, bad = two_runs
    path = good.path / "result.json"
    path.write_text(path.read_text().replace("0.", "1.", 1))
    ended = lab("runs", "--json")
    runs = listed(ended)
    assert ended.code == 0
    assert runs[good.short_hash]["state"] == "damaged"
    assert runs[good.short_hash]["test_accuracy"] is None
    assert runs[bad.short_hash]["state"] == "failed"
    assert "result.json is damaged" in ended.err
    assert "result.json is damaged" in lab("show", good.short_hash).out


def test_a_resumed_run_keeps_its_name_and_its_study(two_runs, lab):
    good, _ = two_runs
    good.journal.append("started", host="here", pid=1)  # as a later attempt does
    (run,) = json.loads(lab("runs", "--study", "mine", "--json").out)
    assert (run["study"], run["name"]) == ("mine", good.started()["name"])


def test_show_prints_scores_and_the_stored_result(two_runs, lab):
    good, _ = two_runs
    shown = json.loads(lab("show", good.short_hash, "--json").out)
    result = good.result()
    assert shown["result"]["test"]["accuracy"] == result.test.accuracy
    assert shown["config"]["seed"] == 0
    text = lab("show", good.short_hash).out
    assert f"test accuracy {100 * result.test.accuracy:.2f} %" in text
    assert result.weights_digest in text


def test_diff_prints_the_settings_that_differ(two_runs, lab):
    good, bad = two_runs
    ended = lab("diff", good.short_hash, bad.short_hash, "--json")
    differences = json.loads(ended.out)
    assert differences["hashes"] == [good.short_hash, bad.short_hash]
    assert differences["config"]["optimizer.learning_rate"] == [0.003, 1e38]
    assert differences["result"]["state"] == [None, "failed"]
    assert "optimizer.learning_rate" in lab("diff", good.short_hash, bad.short_hash).out
    assert lab("diff", good.short_hash, good.short_hash).err == "no differences\n"


def test_a_damaged_file_is_warned_of_where_its_run_is_shown(two_runs, lab):
    good, _ = two_runs
    path = good.journal.path
    path.write_bytes(path.read_bytes().replace(b'"epoch": 2', b'"epoch": 7'))
    for ended in (lab("runs", "--json"), lab("show", good.short_hash, "--json")):
        assert ended.err.count("journal.jsonl is damaged at line 4") == 1


def test_a_sweep_shows_its_table_and_failures_and_exits_1(lab, cache, tmp_path):
    ended = lab(
        "train",
        *LINEAR,
        "-m",
        "tracking=none",
        f"paths.cache={cache}",
        "seed=1,2",
        "model.min_count=1,1000",
        "model.C=2",
    )
    assert ended.code == 1, ended.err
    assert "nb_svm min_count=1" in ended.err
    assert ended.err.count("\nfailed: nb_svm min_count=1000 seed=") == 2
    assert "Traceback" not in ended.err
    (log,) = (tmp_path / "mlruns" / "sweeps").iterdir()
    assert [job["name"] for job in json.loads((log / "jobs.json").read_text(encoding="utf-8"))["jobs"]] == [
        "nb_svm min_count=1 seed=1",
        "nb_svm min_count=1000 seed=1",
        "nb_svm min_count=1 seed=2",
        "nb_svm min_count=1000 seed=2",
    ]


def test_a_complete_run_is_shown_again_without_training(lab, cache):
    command = ["train", *LINEAR, "tracking=none", f"paths.cache={cache}"]
    first = lab(*command)
    assert first.code == 0, first.err
    assert "--force" not in first.err
    again = lab(*command)
    assert "complete, not trained again (--force retrains it)" in again.err
    assert again.err.partition("test accuracy")[2] == first.err.partition("test accuracy")[2]


def test_watching_prints_each_change_once(two_runs, tmp_path):
    run, _ = two_runs
    result, journal = run.path / "result.json", run.journal.path.read_text().splitlines(keepends=True)
    ends_of_epochs = [number for number, line in enumerate(journal, 1) if '"event": "epoch"' in line]
    result.rename(tmp_path / "result.json")
    readings = []
    with run.locked():
        for length in (ends_of_epochs[0] - 1, *ends_of_epochs):
            run.journal.path.write_text("".join(journal[:length]))
            readings.append(read_statuses(run.path.parent, "mine"))
    run.journal.path.write_text("".join(journal))
    (tmp_path / "result.json").rename(result)
    readings.append(read_statuses(run.path.parent, "mine"))
    assert [statuses[run.short_hash].state for statuses in readings] == ["running", "running", "running", "complete"]
    lines = [list(changes(before, now)) for before, now in itertools.pairwise([{}, *readings, readings[-1]])]
    assert [len(new) for new in lines] == [1, 1, 1, 1, 0]
    assert "no epoch finished" in lines[0][0]
    assert "epoch 1  loss" in lines[1][0]
    assert totals(readings[-1]) == "1 complete"
    assert totals(read_statuses(run.path.parent, None)) == "1 complete, 1 failed"
    assert totals(read_statuses(run.path.parent, "another")) == "no runs"
