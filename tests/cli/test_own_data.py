"""Commands on reviews of the user's own: other reviews are other runs, and what cannot be used is reported at once."""

from __future__ import annotations

import shlex

import pytest

from tests.tiny import write_reviews

SHORT = ["data=imdb", "model=nb_svm", "tracking=none", "launch.progress=none"]


@pytest.fixture
def own(lab, tmp_path, cache, monkeypatch):
    """A function that runs `train` or `plan` on reviews of the user's own, in a folder with one.csv and other.csv."""
    monkeypatch.chdir(tmp_path)
    for start, name in enumerate(("one.csv", "other.csv")):
        write_reviews(tmp_path / name, start)
    return lambda command, *words: lab(*command.split(), *SHORT, f"paths.cache={cache}", *words)


def runs(root):
    return sorted(path.name for path in root.glob("mlruns/runs/*"))


def test_two_files_are_two_variants_named_by_them(own, lab, tmp_path):
    planned = own("plan", "data.path=one.csv,other.csv", "seed=1,2")
    assert planned.out.count("new") == 4
    ended = own("train -m", "data.path=one.csv,other.csv", "seed=1,2")
    assert ended.code == 0
    assert len(runs(tmp_path)) == 4
    assert all(name in planned.out for name in runs(tmp_path))
    rows = [line.split()[:2] for line in ended.err.splitlines() if " %" in line and "±" in line]
    assert sorted(rows) == [["one.csv", "2"], ["other.csv", "2"]]
    compared = lab("compare", "--across-data").out
    assert "data=one.csv" in compared
    assert "data=other.csv" in compared


def test_a_file_that_changes_gives_a_new_run_and_keeps_the_old_one(own, lab, tmp_path):
    own("train", "data.path=one.csv")
    (old,) = runs(tmp_path)
    write_reviews(tmp_path / "one.csv", start=7)
    planned = own("plan", "data.path=one.csv").out
    assert old not in planned
    assert "new" in planned
    assert own("train", "data.path=one.csv").code == 0
    assert len(runs(tmp_path)) == 2
    assert lab("predict", old, "review 3 was posit").code == 0
    assert own("train", "data.path=one.csv").err.count("complete, not trained again") == 1
    shown = lab("compare", "--across-data").out
    assert shown.count("one.csv@") >= 2


@pytest.mark.parametrize("command", ["plan", "train", "train -m"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data.path=none.csv"], "data.path names none.csv, which does not exist"),
        (["data.path=one.csv", f"data.expect={'0' * 64}"], f"data.expect is {'0' * 64}, but the reviews of one.csv"),
        (["data.path=one.csv", "data.limit=500"], "data.limit must be at most 120"),
        (["data.path=one.csv", "tracking.enabled=true", "tracking.uri=here"], "tracking.uri must be an address"),
    ],
)
def test_what_no_job_can_use_is_one_error_before_any_job(command, words, message, own, tmp_path):
    ended = own(command, *words)
    assert ended.code == 2
    assert ended.err.startswith(f"error: {message}")
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "mlruns").exists()


def test_one_missing_file_of_several_starts_no_job(own, tmp_path):
    ended = own("train -m", "data.path=one.csv,none.csv")
    assert ended.code == 2
    assert "none.csv, which does not exist" in ended.err
    assert not (tmp_path / "mlruns").exists()


@pytest.fixture
def table(tmp_path, cache, lab, monkeypatch):
    """A function that runs a command with data=table on stars.tsv, one to five stars of forty products."""
    monkeypatch.chdir(tmp_path)
    words = {1: "awful", 2: "poor", 3: "so so", 4: "good", 5: "superb"}
    stars = [1, 5, 2, 4, 3] * 40
    rows = [f"film {row} was {words[star]}\t{star}\tp{row // 5}" for row, star in enumerate(stars)]
    (tmp_path / "stars.tsv").write_text("\n".join(["body\tstars\tproduct", *rows]), encoding="utf-8")
    mine = ["data=table", "data.path=stars.tsv", f"paths.cache={cache}"]
    return lambda command, *words: lab(*command.split(), *mine, *words)


def test_a_table_is_described_before_its_columns_are_known(table, lab):
    described = table("data info")
    assert described.code == 0
    assert "body     'film 0 was awful', 'film 1 was superb', 'film 2 was poor'" in described.out
    command = shlex.split(described.out.splitlines()[-1])
    assert command[:3] == ["sentiment-lab", "data", "info"]
    shown = lab(*command[1:])
    assert "in no part        80 positive, 80 negative" in shown.out
    assert "40 texts with other labels dropped: '3' (40)" in shown.out
    assert "data.text_column must be set" in table("train", "data.label_column=stars").err


def test_a_table_is_trained_compared_and_reproduced_by_its_columns(table, lab, tmp_path, cache):
    columns = ["data.text_column=body", "data.label_column=stars", "data.group_column=product"]
    labels = ["data.labels={1: negative, 2: negative, 4: positive, 5: positive}", "data.unmapped=drop"]
    small = ["tracking=none", "launch.progress=none", "seed=1,2"]
    ended = table("train -m", "model=nb_svm", *columns, *labels, *small)
    assert ended.code == 0
    assert "stars.tsv: 40 texts with other labels dropped: '3' (40)" in ended.err
    assert len(runs(tmp_path)) == 2
    assert "nb_svm" in lab("compare").out
    again = lab("reproduce", runs(tmp_path)[0], "tracking=none", "launch.progress=none", f"paths.cache={cache}")
    assert again.code == 0, again.err
    assert "bit-identical" in again.out + again.err
    other = table("plan", "model=nb_svm", "seed=1", *columns[:2], *labels, "tracking=none")
    assert "new" in other.out  # without groups, the parts differ
