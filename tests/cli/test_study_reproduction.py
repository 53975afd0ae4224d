"""A published study is run again from its records, and its conclusion is checked."""

from __future__ import annotations

import json
import shutil

import pytest

from sentiment_lab.runs.published import lines_of
from sentiment_lab.sweeps.execution import execute
from tests.analysis.studies import run_main
from tests.tiny import LINEAR, job_of, locations

STUDY = ("study.name=baselines", "tracking=none")


@pytest.fixture(scope="module")
def page(tmp_path_factory, cache):
    """A folder with the published records of two linear models, two seeds each, and no run folders."""
    root = tmp_path_factory.mktemp("published")
    jobs = [
        job_of([*LINEAR[1:], f"model={model}", f"seed={seed}", *STUDY, *locations(root, cache)], model)
        for model in ("nb_svm", "tfidf_logistic")
        for seed in (0, 1)
    ]
    for job in jobs:
        execute(job)
    (root / "experiments" / "answer").mkdir(parents=True)
    records = root / "experiments" / "answer" / "mine.jsonl"
    records.write_text(lines_of(job.folder for job in jobs), encoding="utf-8")
    shutil.rmtree(root / "runs")
    return root


@pytest.fixture
def reproduce(page, cache, monkeypatch, tmp_path, capsys):
    """Return a function that runs `reproduce --study` in a copy of the published page."""
    shutil.copytree(page, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, study="baselines"):
        return run_main(["reproduce", "--study", study, *arguments, *locations(tmp_path, cache), *STUDY[1:]], capsys)

    return run


def test_the_whole_study_holds_and_the_page_counts_its_reproductions(reproduce, tmp_path):
    code, output = reproduce("--page", "again.md")
    assert code == 0
    assert "nb_svm over tfidf_logistic" in output.out or "tfidf_logistic over nb_svm" in output.out
    assert "\nthe conclusion holds: 1 of 1 pairs" in output.out
    text = (tmp_path / "again.md").read_text(encoding="utf-8")
    assert "<!-- sentiment-lab reproduce --study baselines -->" in text
    assert "**Reproduced 1 time on 1 processor.**" in text
    history = tmp_path / "again" / "baselines-reproductions.json"
    first = json.loads(history.read_text(encoding="utf-8"))
    assert [*first[0]["runs"].values()] == ["bit-identical"] * 4
    history.write_text(json.dumps([{**first[0], "processor": "another"}]), encoding="utf-8")
    assert reproduce("--page", "again.md", "--variants", "nb_svm", "--seeds", "1")[0] == 0
    text = (tmp_path / "again.md").read_text(encoding="utf-8")
    assert "**Reproduced 2 times on 2 processors.**" in text
    assert text.count("<!-- sentiment-lab reproduce") == 1


def test_a_part_is_run_and_printed_as_json(reproduce, tmp_path):
    code, output = reproduce("--seeds", "1", "--variants", "nb_svm", "--json")
    plain = json.loads(output.out)
    assert (code, plain["state"], len(plain["runs"])) == (0, "holds", 1)
    assert plain["variants"][0]["label"].startswith("nb_svm")
    assert (plain["variants"][0]["original_seeds"], plain["variants"][0]["again_seeds"]) == (2, 1)
    assert len([*(tmp_path / "reproductions" / "1").iterdir()]) == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--variants", "lstm"], "no variant 'lstm' in baselines (there are nb_svm"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--tolerance", "1"], "--study cannot be combined"),
        (["abc"], "--study cannot be combined"),
    ],
)
def test_an_invalid_request_is_reported(reproduce, arguments, problem):
    code, output = reproduce(*arguments)
    assert code == 2
    assert problem in output.err


def test_an_unknown_study_is_reported_with_the_known_ones(reproduce):
    code, output = reproduce(study="baseline")
    assert code == 2
    assert "no published study 'baseline'" in output.err
    assert "baselines" in output.err


def test_options_of_a_study_need_one(capsys):
    assert run_main(["reproduce", "abc", "--seeds", "1"], capsys)[0] == 2
    code, output = run_main(["reproduce"], capsys)
    assert (code, output.err) == (2, "error: give the HASH of a run, or --study NAME\n")
