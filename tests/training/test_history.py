"""The best epoch, and early stopping."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.training.history import TrainingHistory
from sentiment_lab.training.result import EpochRecord


def record(epoch, loss, accuracy=0.5):
    return EpochRecord(
        epoch=epoch,
        train_loss=0.1,
        train_accuracy=0.9,
        validation_loss=loss,
        validation_accuracy=accuracy,
        learning_rate=0.001,
        epoch_seconds=1.0,
        tokens_per_second=1000.0,
    )


def run(overrides, losses, accuracies=None):
    history = TrainingHistory(compose_config([f"training.{text}" for text in overrides]).training)
    accuracies = accuracies or [0.5] * len(losses)
    for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1):
        if history.is_finished:
            break
        history.add(record(epoch, loss, accuracy), lambda epoch=epoch: [np.array([epoch], np.float32)])
    return history


def test_the_best_epoch_by_loss_is_kept():
    history = run(["epochs=4"], [0.5, 0.3, 0.4, 0.35])
    assert (history.best_epoch, history.kept_epoch) == (2, 2)
    assert history.best_weights[0][0] == 2


def test_the_last_epoch_is_kept_with_selection_last():
    history = run(["epochs=3", "selection=last"], [0.5, 0.3, 0.4])
    assert (history.best_epoch, history.kept_epoch, history.best_weights) == (2, 3, None)


def test_accuracy_can_be_monitored_and_the_first_of_equals_is_best():
    history = run(["epochs=3", "monitor=validation_accuracy"], [0.1, 0.2, 0.3], [0.7, 0.8, 0.8])
    assert history.best_epoch == 2
    assert history.best_validation_accuracy == 0.8


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), ("null", 6)])
def test_training_stops_when_patience_runs_out(patience, epochs):
    history = run(["epochs=6", f"patience={patience}"], [0.5, 0.3, 0.4, 0.35, 0.36, 0.37])
    assert len(history.epochs) == epochs


def test_without_a_validation_part_the_last_epoch_is_the_best():
    history = run(["epochs=3"], [None, None, None], [None, None, None])
    assert (history.best_epoch, history.best_validation_accuracy) == (3, None)
