"""`sentiment-lab predict`: texts, and tables of any size."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from sentiment_lab.base.files import DamageError, atomic_write
from sentiment_lab.cli import predict
from sentiment_lab.data.tables.reader import open_table
from sentiment_lab.sweeps.execution import execute
from tests.tiny import LINEAR, job_of, locations

TABLE = "id,review,note\n1,a fine film,NA\n2,zyzzyva qoph,\n3,a dull film,x\n"
UNKNOWN = "zyzzyva qoph"


@pytest.fixture(scope="module")
def linear_run(tmp_path_factory, cache):
    job = job_of([*LINEAR, "tracking=none", *locations(tmp_path_factory.mktemp("linear"), cache)], "nb_svm")
    execute(job)
    return job.folder


@pytest.fixture
def classify(lab, linear_run, tmp_path, monkeypatch):
    """A function that runs `predict` with a linear model in an empty folder, with these bytes on standard input."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, stdin=b""):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        return lab("predict", linear_run.short_hash, "--runs", str(linear_run.path.parent), *arguments)

    return run


def test_texts_are_classified_in_order(trained_run, lab):
    ended = lab("predict", trained_run.short_hash[:6], "a film", "--json", "a bore", UNKNOWN)
    assert ended.code == 0, ended.err
    rows = json.loads(ended.out)
    assert [row["text"] for row in rows] == ["a film", "a bore", UNKNOWN]
    assert all(row["label"] == ("positive" if row["probability"] > 0.5 else "negative") for row in rows)
    assert [row["has_known_word"] for row in rows][::2] == [True, False]


def test_a_text_without_a_known_word_has_a_note_beside_its_probability(classify):
    lines = classify("a film", UNKNOWN, "...").out.splitlines()
    assert ["(no known word)" in line for line in lines] == [False, True, True]
    assert lines[1].split("  ")[1:] == [f"{lines[1].split()[1]} (no known word)", UNKNOWN]


def test_a_table_gains_two_columns_chunk_by_chunk(trained_run, lab, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "CHUNK", 7)
    texts = [f'film {number}, so, "quoted" and é' for number in range(20)]
    frame = pd.DataFrame({"id": [f"{number:03d}" for number in range(20)], "review": texts, "note": "NA"})
    frame.to_csv(tmp_path / "in.csv", index=False)
    command = ["predict", trained_run.short_hash, "--csv", "in.csv"]
    assert lab(*command, "--output", "out.csv").code == 0
    predicted = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(predicted[["id", "review", "note"]], frame)
    assert list(predicted.columns) == ["id", "review", "note", "label", "probability"]
    assert set(predicted["label"]) <= {"positive", "negative"}
    assert lab(*command).out == (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_a_table_in_any_form_gives_the_same_csv(classify, tmp_path):
    expected = classify("--csv", "-", stdin=TABLE.encode())
    assert expected.code == 0
    assert expected.err == "no known word in 1 text: row 3\n"
    forms = {
        "a.tsv": TABLE.replace(",", "\t").encode("utf-16"),
        "a.csv": ("sep=;\n" + TABLE.replace(",", ";")).encode("utf-8-sig"),
        "a.csv.gz": gzip.compress(TABLE.encode()),
    }
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
        assert classify("--csv", name) == expected, name
    pd.read_csv(io.StringIO(TABLE), dtype=str, keep_default_na=False).to_parquet(tmp_path / "a.parquet")
    assert classify("--csv", "a.parquet").out == expected.out


@pytest.mark.parametrize("cell", ["a\rb", "a\r\nb", "a\nb", 'a "b"', "a,b", " a ", ""])
def test_the_csv_has_the_cells_of_the_table(cell, classify, tmp_path):
    frame = pd.DataFrame({"review": ["a film", "a bore"], "note": [cell, "x"]})
    frame.to_parquet(tmp_path / "in")
    assert classify("--csv", "in", "--output", "out.csv").code == 0
    with open_table(tmp_path / "out.csv", ["review"]) as table:
        assert [list(row.cells[:2]) for row in table.rows] == frame.to_numpy().tolist()


def test_a_table_as_json_has_an_object_for_each_row(classify):
    rows = json.loads(classify("--csv", "-", "--json", stdin=TABLE.encode()).out)
    assert [(row["id"], row["review"], row["note"]) for row in rows][1:] == [
        ("2", UNKNOWN, ""),
        ("3", "a dull film", "x"),
    ]
    assert [row["has_known_word"] for row in rows] == [True, False, True]
    texts = json.loads(classify("--json", *(row["review"] for row in rows)).out)
    assert [row["probability"] for row in texts] == [row["probability"] for row in rows]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\nx\n", "in.csv must have the column review, got text; set --column to the texts"),
        (b"reviews\nx\n", "did you mean reviews?"),
        (b"review,label\nx,1\n", "in.csv already has a column 'label'"),
        (b"review,Probability\nx,1\n", "in.csv already has a column 'probability'"),
        (b"review\nfine\n  \n", "in.csv, row 3 (line 3): the review is empty"),
        (b"review,stars\nWell, it is a triumph.,5\n", "in.csv, row 2 (line 2): must have 2 columns, got 3"),
        (b"id,review\n1,fine\n2\n", "in.csv, row 3 (line 3): must have 2 columns, got 1"),
        (b"review\n\xff\xfe\n", "in.csv, row 2 (line 2): review is not UTF-8"),
        (b"", "in.csv is empty"),
        (b'review\n"open\n', "in.csv, row 2 (line 2): a cell begins with a quote and has no closing quote"),
        (b"review\n" + b"x" * 140_000, "in.csv, row 2 (line 2): a cell has more than 131,072 characters"),
    ],
)
def test_a_bad_table_is_named_and_leaves_no_output(content, message, classify, tmp_path):
    (tmp_path / "in.csv").write_bytes(content)
    for options in (["--output", "out.csv"], [], ["--json"]):
        ended = classify("--csv", "in.csv", *options)
        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err
        assert ended.err.count("\n") == 1
    assert not list(tmp_path.glob("out.csv*"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--", "-bad film"], "-bad film"),
        (["--json", "--", "--worse film"], "--worse film"),
        (["--", "--json"], "--json"),
        (["--", "--"], "--"),
        (["first", "--", "-1"], "-1"),
    ],
)
def test_a_text_may_begin_with_a_dash_after_two_dashes(arguments, text, classify):
    ended = classify(*arguments)
    assert ended.code == 0, ended.err
    last = json.loads(ended.out)[-1]["text"] if "--json" in arguments[:1] else ended.out.splitlines()[-1]
    assert last == text or last.endswith(f"  {text}")


def test_a_dash_stands_for_standard_input(classify):
    alone = classify("a fine\nfilm").out
    assert classify("-", stdin=b"a fine\nfilm").out == alone
    assert alone.endswith("  a fine film\n")  # one line for each text
    assert classify("a dull film", "-", stdin=b"a fine\nfilm").out.endswith(alone)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either texts to classify or --csv FILE"),
        (["a film", "--csv", "in.csv"], "give either texts to classify or --csv FILE"),
        (["-", "--csv", "-"], "give either texts to classify or --csv FILE"),
        (["-", "-"], "- is given more than once"),
        (["a film", "--column", "text"], "--column names a column of the table of --csv FILE"),
        (["--csv", "-", "--column", " "], "--column must be the name of a column"),
        (["-"], "standard input is empty"),
        (["--csv", "-"], "standard input is empty"),
        (["good", " "], "text 2 is empty"),
    ],
)
def test_options_that_do_not_combine_are_refused(arguments, message, classify):
    ended = classify(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "stdin"), [(["a film"], b""), (["a film", "--json"], b""), (["--csv", "-"], TABLE)]
)
def test_every_output_can_go_to_a_file(options, stdin, classify, tmp_path):
    stdin = stdin if isinstance(stdin, bytes) else stdin.encode()
    shown = classify(*options, stdin=stdin).out
    assert classify(*options, "--output", "-", stdin=stdin).out == shown
    (tmp_path / "out").write_text("old")
    (tmp_path / "link").symlink_to("out")
    assert classify(*options, "--output", "link", stdin=stdin).out == ""
    assert (tmp_path / "out").read_text(encoding="utf-8") == shown


@pytest.mark.parametrize("options", [["a film"], ["--csv", "-"]])
@pytest.mark.parametrize("output", ["missing/out.csv", "folder", "file/out.csv", "/dev/full"])
def test_an_output_that_cannot_be_written_is_named(output, options, classify, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    ended = classify(*options, "--output", output, stdin=TABLE.encode())
    assert (ended.code, ended.out) == (1, "")
    assert output in ended.err.splitlines()[-1]
    assert ended.err.splitlines()[-1].startswith("error: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_device_is_written_and_stays_a_device(classify):
    assert classify("a film", "--output", os.devnull).code == 0
    assert not os.path.isfile(os.devnull)  # noqa: PTH113


def test_a_full_disk_under_standard_output_is_one_line(linear_run):
    command = [sys.executable, "-m", "sentiment_lab", "predict", linear_run.short_hash, "a film"]
    command += ["--runs", str(linear_run.path.parent)]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "error: standard output cannot be written: No space left on device\n"


def test_a_run_without_a_model_or_with_a_damaged_one_is_named(trained_run, lab):
    atomic_write(trained_run.model / "model.json", "{}")
    with pytest.raises(DamageError, match=r"model\.json"):
        predict.predict_texts("mlruns/runs", trained_run.short_hash, ["x"], as_json=False)
    (trained_run.path / "result.json").unlink()
    ended = lab("predict", trained_run.short_hash, "x")
    assert (ended.code, ended.out) == (2, "")
    assert "has no model: it is interrupted" in ended.err
