"""`sentiment-lab predict`: texts, and CSV files of any size."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from sentiment_lab.base.files import DamageError, atomic_write
from sentiment_lab.cli import predict
from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.reviews import DataError
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute


@pytest.fixture
def run(tiny):
    one = Job(compose_config(tiny), tiny, "bilstm")
    execute(one)
    return one.folder


def test_texts_are_judged_in_order(run, capsys):
    assert predict.predict_texts(str(run.path.parent), run.short_hash[:6], ["a film", "a bore"], as_json=True) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["text"] for row in rows] == ["a film", "a bore"]
    assert all(row["label"] == ("positive" if row["probability"] > 0.5 else "negative") for row in rows)


def test_a_csv_gains_two_columns_chunk_by_chunk(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(predict, "CHUNK", 7)
    texts = [f'film {number}, so, "quoted" and é' for number in range(20)]
    frame = pd.DataFrame({"id": [f"{number:03d}" for number in range(20)], "review": texts, "note": "NA"})
    frame.to_csv(tmp_path / "in.csv", index=False)
    out = tmp_path / "out.csv"
    predict.predict_csv(str(run.path.parent), run.short_hash, str(tmp_path / "in.csv"), "review", str(out))
    judged = pd.read_csv(out, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(judged[["id", "review", "note"]], frame)
    assert set(judged["label"]) <= {"positive", "negative"}
    predict.predict_csv(str(run.path.parent), run.short_hash, str(tmp_path / "in.csv"), "review", None)
    assert capsys.readouterr().out == out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\nx\n", r"in\.csv has no column 'review' but text; --column names the texts"),
        (b"reviews\nx\n", r"did you mean reviews\?"),
        (b"review,label\nx,1\n", r"in\.csv has a column 'label' already"),
        (b"review\nfine\n  \n", r"in\.csv, row 3: the review is empty"),
        (b"review\n\xff\xfe\n", r"in\.csv is not UTF-8"),
        (b"", r"in\.csv cannot be read as CSV"),
        (b'review\n"open\n', r"in\.csv cannot be read as CSV"),
    ],
)
def test_a_bad_csv_is_named_and_leaves_no_output(content, message, run, tmp_path):
    file = tmp_path / "in.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict.predict_csv(str(run.path.parent), run.short_hash, str(file), "review", str(tmp_path / "out.csv"))
    assert not list(tmp_path.glob("out.csv*"))


def test_a_run_without_a_model_or_with_a_damaged_one_is_named(run):
    atomic_write(run.model / "model.json", "{}")
    with pytest.raises(DamageError, match=r"model\.json"):
        predict.predict_texts(str(run.path.parent), run.short_hash, ["x"], as_json=False)
    (run.path / "result.json").unlink()
    with pytest.raises(RunError, match="has no model: it is interrupted"):
        predict.predict_texts(str(run.path.parent), run.short_hash, ["x"], as_json=False)


def test_an_empty_text_is_named(run):
    with pytest.raises(DataError, match="text 2 is empty: there is nothing to judge"):
        predict.predict_texts(str(run.path.parent), run.short_hash, ["good", " "], as_json=False)
