"""Tables as plain text, and results as JSON."""

from __future__ import annotations

import io
import json

from rich.cells import cell_len
from rich.console import Console

from sentiment_lab.base.tables import percent, render
from sentiment_lab.training.result import EpochRecord, Result, Scores, result_from_plain, result_to_plain


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


def test_a_cell_with_brackets_is_shown_as_it_is():
    text = io.StringIO()
    render(Console(file=text, width=120), ["variant", "accuracy"], [["units=[8]", percent(0.5)]])
    assert "units=[8]" in text.getvalue()
    assert "50.00 %" in text.getvalue()


def test_a_result_goes_through_json_unchanged():
    result = a_result(0.123456789)
    assert result_from_plain(json.loads(json.dumps(result_to_plain(result)))) == result


def test_a_narrow_table_cuts_only_its_widest_columns():
    text = io.StringIO()
    rows = [["2143f42c7046", "x" * 90, percent(0.5)], ["81c0ffee81c0", "語" * 40, percent(1.0)]]
    render(Console(file=text, width=60), ["hash", "run", "test"], rows, left=2)
    _, heading, rule, *lines, _ = text.getvalue().splitlines()
    assert heading.split() == ["hash", "run", "test"]
    assert [line.split()[0] for line in lines] == ["2143f42c7046", "81c0ffee81c0"]
    assert [line.endswith(row[-1]) for line, row in zip(lines, rows, strict=True)] == [True, True]
    assert {cell_len(line) for line in (heading, *lines)} == {cell_len(rule) - 1}
    assert all("…" in line for line in lines)


def test_a_cell_stays_on_its_line():
    text = io.StringIO()
    render(Console(file=text, width=60), ["run"], [["a\nb\x1b[31m :smile:"]])
    assert text.getvalue().splitlines()[3] == r"  a\nb\x1b[31m :smile:"
