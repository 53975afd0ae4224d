"""Mean and spread over seeds, against numbers worked out by hand."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from rich.console import Console

from sentiment_lab.analysis.tables import HEADINGS, cells, render, summarise, to_csv, to_markdown
from sentiment_lab.result import EpochRecord, Result, Scores, result_from_plain, result_to_plain


def a_result(accuracy, seconds=(1.0, 3.0), validation=0.9):
    epochs = [
        EpochRecord(
            epoch=index,
            train_loss=0.3,
            train_accuracy=0.8,
            validation_loss=None if validation is None else 0.4,
            validation_accuracy=validation,
            learning_rate=0.001,
            epoch_seconds=second,
            tokens_per_second=100.0,
        )
        for index, second in enumerate(seconds, 1)
    ]
    return Result(
        architecture="gru",
        execution_path="cpu:while_loop",
        data_hash="d",
        split_hash="s",
        weights_digest="w",
        parameters=1234,
        epochs=epochs,
        best_epoch=1,
        kept_epoch=1,
        best_validation_accuracy=validation,
        validation_is_test=False,
        test=Scores(accuracy=accuracy, loss=0.5, f1=0.7, roc_auc=0.8, ece=0.01),
        train_seconds=sum(seconds),
        predict_reviews_per_second=1000.0,
    )


ROWS = summarise([("gru", a_result(0.80)), ("lstm", a_result(0.90, validation=None)), ("gru", a_result(0.82, (2.0,)))])


def test_a_row_holds_mean_and_spread_over_seeds():
    lstm, gru = ROWS
    assert (lstm.variant, lstm.seeds, lstm.test_accuracy_spread, lstm.best_validation_accuracy) == (
        "lstm",
        1,
        None,
        None,
    )
    assert gru.test_accuracy == pytest.approx(0.81)
    assert gru.test_accuracy_spread == pytest.approx(0.0141421356)
    assert gru.epoch_seconds == pytest.approx(2.0)
    assert gru.train_seconds == pytest.approx(3.0)


def test_the_forms_of_a_table_agree():
    assert cells(ROWS[1]) == ["gru", "2", "81.00 ± 1.41 %", "90.00 %", "1,234", "2.0", "3.0"]
    assert "| gru | 2 | 81.00 ± 1.41 % | 90.00 % | 1,234 | 2.0 | 3.0 |" in to_markdown(ROWS)
    frame = pd.read_csv(io.StringIO(to_csv(ROWS)))
    assert frame["test_accuracy"].tolist() == [row.test_accuracy for row in ROWS]


def test_a_cell_with_brackets_is_shown_as_it_is():
    text = io.StringIO()
    render(Console(file=text, width=120), HEADINGS, [["units=[8]", *cells(ROWS[0])[1:]]])
    assert "units=[8]" in text.getvalue()


def test_a_result_goes_through_json_unchanged():
    result = a_result(0.123456789)
    assert result_from_plain(json.loads(json.dumps(result_to_plain(result)))) == result
