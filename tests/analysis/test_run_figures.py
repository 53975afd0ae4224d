"""The figures of a run, checked by the data of their lines, marks and texts."""

from __future__ import annotations

import dataclasses
import re

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sentiment_lab.analysis.plots.run_figures import (
    BLUE,
    RED,
    draw_accuracy,
    draw_accuracy_by_length,
    draw_calibration,
    draw_confusion_matrix,
    draw_loss,
    draw_roc,
    run_figures,
    save_figures,
)
from sentiment_lab.training.result import EpochRecord, Result, Scores

TRAIN = [0.70, 0.85, 0.95]
HELD_OUT = [0.75, 0.86, 0.84]


def epoch(number: int, held_out: float | None) -> EpochRecord:
    return EpochRecord(
        epoch=number,
        train_loss=1 - TRAIN[number - 1],
        train_accuracy=TRAIN[number - 1],
        validation_loss=None if held_out is None else 1 - held_out,
        validation_accuracy=held_out,
        learning_rate=1e-3,
        epoch_seconds=1.0,
        tokens_per_second=1.0,
    )


RESULT = Result(
    architecture="gru",
    execution_path="cpu:while_loop",
    data_hash="",
    split_hash="",
    weights_digest="",
    parameters=1,
    epochs=[epoch(number, held_out) for number, held_out in enumerate(HELD_OUT, start=1)],
    best_epoch=2,
    kept_epoch=3,
    best_validation_accuracy=0.86,
    validation_is_test=False,
    test=Scores(accuracy=0.8, loss=0.4, f1=0.8, roc_auc=0.9, ece=0.05),
    train_seconds=1.0,
    predict_reviews_per_second=1.0,
)
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
PROBABILITIES = np.array([0.95, 0.9, 0.7, 0.3, 0.1, 0.05, 0.2, 0.6, 0.4, 0.15], np.float32)
LENGTHS = np.array([5, 9, 9, 14, 20, 20, 31, 40, 40, 40])
FILES = {
    "accuracy.png",
    "loss.png",
    "confusion_matrix.png",
    "roc.png",
    "calibration.png",
    "accuracy_by_length.png",
}


def lines(figure: Figure) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in figure.axes[0].lines}


@pytest.mark.parametrize(("draw", "sign"), [(draw_accuracy, 1), (draw_loss, -1)])
def test_training_is_red_and_the_held_out_part_blue(draw, sign):
    drawn = lines(draw("gru seed=1", RESULT))
    for name, colour, values in (("training", RED, TRAIN), ("validation", BLUE, HELD_OUT)):
        assert to_hex(drawn[name].get_color()) == colour
        assert list(drawn[name].get_xdata()) == [1, 2, 3]
        expected = values if sign > 0 else 1 - np.array(values)
        np.testing.assert_allclose(drawn[name].get_ydata(), expected)


def test_the_best_and_the_kept_epoch_are_marked():
    drawn = lines(draw_accuracy("gru", RESULT))
    assert list(drawn["best epoch 2: 86.00%"].get_xdata()) == [2]
    assert set(drawn["weights kept: epoch 3"].get_xdata()) == {3}


def test_a_test_part_used_as_validation_is_named_so():
    drawn = lines(draw_accuracy("gru", dataclasses.replace(RESULT, validation_is_test=True)))
    assert "test (followed each epoch)" in drawn
    assert "validation" not in drawn


@pytest.mark.parametrize("draw", [draw_accuracy, draw_loss])
def test_without_a_held_out_part_only_training_is_drawn(draw):
    epochs = [epoch(number, None) for number in (1, 2, 3)]
    drawn = lines(draw("gru", dataclasses.replace(RESULT, epochs=epochs)))
    assert set(drawn) == {"training", "weights kept: epoch 3"}


def test_a_single_epoch_is_a_point():
    figure = draw_accuracy("gru", dataclasses.replace(RESULT, epochs=RESULT.epochs[:1], best_epoch=1, kept_epoch=1))
    assert lines(figure)["training"].get_marker() == "o"
    assert list(figure.axes[0].get_xticks()) == [1]


@pytest.mark.parametrize(("lowest", "bottom"), [(0.5, 0.5), (0.49, 0.4)])
def test_the_accuracy_axis_starts_at_chance_or_at_the_tenth_below(lowest, bottom):
    epochs = [dataclasses.replace(RESULT.epochs[0], train_accuracy=lowest)]
    figure = draw_accuracy("gru", dataclasses.replace(RESULT, epochs=epochs, best_epoch=1))
    assert figure.axes[0].get_ylim()[0] == pytest.approx(bottom)


def test_the_confusion_matrix_has_true_labels_in_rows_and_predicted_labels_in_columns():
    texts = {
        text.get_position(): text.get_text() for text in draw_confusion_matrix("", LABELS, PROBABILITIES).axes[0].texts
    }
    assert texts == {(0, 0): "5\n83.3%", (1, 0): "1\n16.7%", (0, 1): "1\n25.0%", (1, 1): "3\n75.0%"}


def test_the_roc_curve_encloses_its_area():
    curve = lines(draw_roc("", LABELS, PROBABILITIES, 0.9167))["area under the curve 0.9167"]
    # 22 of the 24 pairs of a positive and a negative review are ordered correctly.
    assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(22 / 24)


def test_calibration_compares_mean_predictions_with_the_fraction_of_positives():
    labels, probabilities = np.array([1, 0, 1, 1]), np.array([0.32, 0.38, 0.9, 1.0])
    curve, histogram = draw_calibration("", labels, probabilities, 0.05).axes
    mean_predicted, fraction_positive = curve.containers[0].lines[0].get_data()
    np.testing.assert_allclose(mean_predicted, [0.35, 0.95])
    np.testing.assert_allclose(fraction_positive, [0.5, 1.0])
    assert [patch.get_height() for patch in histogram.patches] == [0, 0, 0, 2, 0, 0, 0, 0, 0, 2]


def test_each_review_is_in_one_bin_of_length():
    figure = draw_accuracy_by_length("", LABELS, PROBABILITIES, LENGTHS)
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert sum(int(re.search(r"n=(\d+)", name)[1]) for name in names) == len(LENGTHS)
    spans = [[int(end) for end in name.split("\n")[0].split("–")] for name in names]  # noqa: RUF001
    ends = [end for span in spans for end in span]
    assert ends == sorted(ends)
    assert (ends[0], ends[-1]) == (5, 40)


def test_accuracy_by_length_has_wilson_intervals():
    # 8 of 10 correct: 0.4902 to 0.9433 (Wilson 1927).
    figure = draw_accuracy_by_length("", LABELS, PROBABILITIES, np.full(10, 7))
    marks, _, (intervals,) = figure.axes[0].containers[0].lines
    assert marks.get_ydata() == pytest.approx([0.8])
    assert intervals.get_segments()[0][:, 1] == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["7\nn=10"]


def test_all_figures_of_a_run_are_saved_with_its_name(tmp_path):
    title = "gru cost=$5 and $6 " + "text.max_length=400 " * 6
    figures = run_figures(title, RESULT, labels=LABELS, probabilities=PROBABILITIES, lengths=LENGTHS)
    assert figures.keys() == FILES
    for figure in figures.values():
        assert figure.get_suptitle().replace("\n", " ").strip() == title.strip()
    save_figures(figures, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    for path in tmp_path.iterdir():
        assert matplotlib.image.imread(path).shape[:2] == (500, 800)


def test_settings_of_matplotlib_change_no_figure(tmp_path):
    written = []
    for settings in ({}, {"font.size": 40, "lines.linewidth": 9, "axes.grid": True, "savefig.dpi": 30}):
        with matplotlib.rc_context(settings):
            figures = run_figures("gru", RESULT, labels=LABELS, probabilities=PROBABILITIES, lengths=LENGTHS)
            save_figures(figures, tmp_path)
        written.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert written[0] == written[1]


def test_equal_runs_give_equal_bytes(tmp_path):
    written = []
    for _ in range(2):
        save_figures({"loss.png": draw_loss("gru", RESULT)}, tmp_path)
        written.append((tmp_path / "loss.png").read_bytes())
    assert written[0] == written[1]
