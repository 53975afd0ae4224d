"""The training loop around a trainer that computes nothing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.checkpoint import Checkpoint
from sentiment_lab.training.epoch_loop import TrainingError, TrainingLoop
from tests.tiny import TINY


class ConstantTrainer:
    """Takes steps of a constant loss in which every positive review is predicted correctly; records the batches."""

    learning_rate = 0.5

    def __init__(self, loss=0.25):
        self.loss, self.batches = loss, []

    def train_step(self, token_ids, labels):
        assert labels.dtype == np.float32
        self.batches.append((token_ids, labels))
        return self.loss, int(labels.sum())

    def predict_logits(self, sequences):
        return np.full(len(sequences), math.log(3), np.float32)

    def weights(self):
        return [np.zeros(1, np.float32)]

    def state(self):
        return {"network": [np.array([len(self.batches)])]}

    def restore_state(self, state):
        self.restored = state


class Stored:
    """Checkpoints in memory."""

    def __init__(self, *checkpoints):
        self.checkpoints = list(checkpoints)

    def save(self, checkpoint: Checkpoint):
        self.checkpoints.append(dataclasses.replace(checkpoint, epochs=list(checkpoint.epochs)))

    def load(self):
        return self.checkpoints[-1] if self.checkpoints else None


class Recorded(Callback):
    def __init__(self):
        self.events = []

    def resumed(self, epochs, steps):
        self.events.append(("resumed", len(epochs), steps))

    def batch_ended(self, progress):
        self.events.append((progress.epoch, progress.step))


@pytest.fixture
def loop_of(cache):
    def loop_of(*overrides, trainer=None, checkpoints=None):
        config = compose_config([*TINY, "model.units=[1]", "text.embedding_init=uniform", *overrides])
        trainer, callback = trainer or ConstantTrainer(), Recorded()
        dataset = build_dataset(config, cache)
        return TrainingLoop(config, dataset, trainer, callback, checkpoints), trainer, callback, dataset

    return loop_of


def test_each_review_is_trained_once_an_epoch_with_its_own_label(loop_of):
    loop, trainer, _, dataset = loop_of("training.epochs=1")
    loop.run()
    train = dataset.train
    expected = sorted(
        (row.tolist(), float(label))
        for row, label in zip(np.split(train.sequences.ids, train.sequences.offsets[1:-1]), train.labels, strict=True)
    )
    seen = [
        (row[row != 0].tolist(), float(label))
        for token_ids, labels in trainer.batches
        for row, label in zip(token_ids, labels, strict=True)
    ]
    assert sorted(seen) == expected


def test_an_epoch_has_the_means_over_its_reviews(loop_of):
    loop, _, _, dataset = loop_of("training.epochs=1")
    (record,) = loop.run().epochs
    assert record.train_loss == pytest.approx(0.25)
    assert record.train_accuracy == pytest.approx(dataset.train.labels.mean())
    assert record.learning_rate == 0.5
    # Every review is predicted positive with probability 0.75.
    positive = dataset.validation.labels.mean()
    assert record.validation_accuracy == pytest.approx(positive)
    assert record.validation_loss == pytest.approx(-positive * math.log(0.75) - (1 - positive) * math.log(0.25))


def test_training_resumes_at_the_step_of_its_checkpoint(loop_of):
    stored = Stored()
    loop, trainer, callback, _ = loop_of("launch.checkpoint_minutes=0", checkpoints=stored)
    loop.run()
    steps = len(trainer.batches) // 2
    assert callback.events == [(epoch, step) for epoch in (1, 2) for step in range(1, steps + 1)]
    middle = next(one for one in stored.checkpoints if len(one.epochs) == 1 and one.totals.steps == 2)
    again, fresh, callback, _ = loop_of(checkpoints=Stored(middle))
    history = again.run()
    assert fresh.restored == middle.arrays
    assert callback.events == [("resumed", 1, 2), *((2, step) for step in range(3, steps + 1))]
    assert [epoch.epoch for epoch in history.epochs] == [1, 2]
    assert history.epochs[1].train_accuracy == stored.checkpoints[-1].epochs[1].train_accuracy
    for (token_ids, labels), (same_ids, same_labels) in zip(fresh.batches, trainer.batches[steps + 2 :], strict=True):
        np.testing.assert_array_equal(token_ids, same_ids)
        np.testing.assert_array_equal(labels, same_labels)


@pytest.mark.parametrize(("clipnorm", "hint"), [("1", ""), ("null", "set optimizer.global_clipnorm=1")])
def test_a_loss_that_is_not_finite_names_step_and_cause(loop_of, clipnorm, hint):
    loop, *_ = loop_of(f"optimizer.global_clipnorm={clipnorm}", trainer=ConstantTrainer(math.nan))
    with pytest.raises(
        TrainingError, match=r"the loss became nan at epoch 1, step 1 of 6; .*lower optimizer."
    ) as caught:
        loop.run()
    assert hint in str(caught.value)
