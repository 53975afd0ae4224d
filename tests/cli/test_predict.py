"""`sentiment-lab predict`: texts, and CSV files of any size."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from sentiment_lab.base.files import DamageError, atomic_write
from sentiment_lab.cli import predict
from sentiment_lab.data.reviews import DataError


def test_texts_are_classified_in_order(trained_run, lab):
    ended = lab("predict", trained_run.short_hash[:6], "a film", "--json", "a bore")
    assert ended.code == 0, ended.err
    rows = json.loads(ended.out)
    assert [row["text"] for row in rows] == ["a film", "a bore"]
    assert all(row["label"] == ("positive" if row["probability"] > 0.5 else "negative") for row in rows)


def test_a_csv_gains_two_columns_chunk_by_chunk(trained_run, lab, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "CHUNK", 7)
    texts = [f'film {number}, so, "quoted" and é' for number in range(20)]
    frame = pd.DataFrame({"id": [f"{number:03d}" for number in range(20)], "review": texts, "note": "NA"})
    frame.to_csv(tmp_path / "in.csv", index=False)
    command = ["predict", trained_run.short_hash, "--csv", "in.csv"]
    assert lab(*command, "--output", "out.csv").code == 0
    predicted = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(predicted[["id", "review", "note"]], frame)
    assert set(predicted["label"]) <= {"positive", "negative"}
    assert lab(*command).out == (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\nx\n", r"in\.csv has no column 'review' but text; set --column to the texts"),
        (b"reviews\nx\n", r"did you mean reviews\?"),
        (b"review,label\nx,1\n", r"in\.csv already has a column 'label'"),
        (b"review\nfine\n  \n", r"in\.csv, row 3: the review is empty"),
        (b"review\n\xff\xfe\n", r"in\.csv is not UTF-8"),
        (b"", r"in\.csv cannot be read as CSV"),
        (b'review\n"open\n', r"in\.csv cannot be read as CSV"),
    ],
)
def test_a_bad_csv_is_named_and_leaves_no_output(content, message, trained_run, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "_load", lambda *_: None)
    file = tmp_path / "in.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict.predict_csv("mlruns/runs", trained_run.short_hash, str(file), "review", str(tmp_path / "out.csv"))
    assert not list(tmp_path.glob("out.csv*"))


def test_a_run_without_a_model_or_with_a_damaged_one_is_named(trained_run, lab):
    atomic_write(trained_run.model / "model.json", "{}")
    with pytest.raises(DamageError, match=r"model\.json"):
        predict.predict_texts("mlruns/runs", trained_run.short_hash, ["x"], as_json=False)
    (trained_run.path / "result.json").unlink()
    ended = lab("predict", trained_run.short_hash, "x")
    assert (ended.code, ended.out) == (2, "")
    assert "has no model: it is interrupted" in ended.err


def test_an_empty_text_is_named(trained_run, lab):
    assert lab("predict", trained_run.short_hash, "good", " ").err == "error: text 2 is empty\n"
