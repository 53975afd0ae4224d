"""A run that was interrupted anywhere resumes and ends bit-identical to an uninterrupted one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.identity import config_hash
from sentiment_lab.data.dataset import build_dataset
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.journal_callback import without_times
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.checkpoint import CheckpointFolder, checkpoint_files
from tests.tiny import TINY, job_of, locations

EVERYTHING_RANDOM = [
    *TINY,
    *("tracking=none", "model=simple_rnn", "training.epochs=3"),
    *("model.dropout=0.3", "model.embedding_dropout=0.2", "model.recurrent_dropout=0.1"),
    *("training.averaging=ema", "optimizer.schedule=cosine", "optimizer.warmup=0.2"),
    *("training.word_dropout=0.2", "training.crop_length=9", "text.embedding_init=cooccurrence_nb"),
]
"""Overrides of a run of 3 epochs with 6 batches each, with every source of randomness and every kind of state."""


class StopAfter(Callback):
    """Interrupts a run after so many batches, as Ctrl-C does; a linear model, which has none, after its epoch."""

    def __init__(self, batches):
        self.batches = batches

    def batch_ended(self, progress):
        self.batches -= 1
        if self.batches == 0:
            raise KeyboardInterrupt("stopped by a test")

    def epoch_ended(self, record):
        if record.learning_rate == 0:  # a linear model
            raise KeyboardInterrupt("stopped by a test")


def interrupt(one, batches):
    with pytest.raises(KeyboardInterrupt):
        execute(one, callback=StopAfter(batches))
    assert one.folder.state == "interrupted"


def assert_same(one, other):
    assert one.folder.result().weights_digest == other.folder.result().weights_digest
    assert one.folder.result().test == other.folder.result().test
    assert one.folder.predictions().equals(other.folder.predictions())
    assert epochs(one) == epochs(other)


def epochs(one):
    return [without_times(event) for event in one.folder.events() if event["event"] == "epoch"]


def resumed(one):
    """Return epoch and steps at which a run was resumed, each time."""
    return [(event["epoch"], event["steps"]) for event in one.folder.events() if event["event"] == "resumed"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache):
    """The uninterrupted run."""
    one = job_of([*EVERYTHING_RANDOM, *locations(tmp_path_factory.mktemp("whole"), cache)])
    execute(one)
    return one


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, cache):
    """The root of the same run, stopped within its third epoch, so that there are two checkpoints."""
    root = tmp_path_factory.mktemp("stopped")
    interrupt(job_of([*EVERYTHING_RANDOM, *locations(root, cache)]), 15)
    return root


@pytest.fixture
def one(stopped, tmp_path, cache):
    """The stopped run in a folder that a test may change."""
    shutil.copytree(stopped, tmp_path / "copy")
    return job_of([*EVERYTHING_RANDOM, *locations(tmp_path / "copy", cache)])


def test_interrupted_within_epochs_it_ends_bit_identical(whole, tmp_path, cache):
    one = job_of([*EVERYTHING_RANDOM, *locations(tmp_path, cache), "launch.checkpoint_minutes=0"])
    for batches in (3, 8):
        interrupt(one, batches)
        assert len(checkpoint_files(one.folder.checkpoints)) <= 2
    execute(one)
    assert_same(one, whole)
    assert resumed(one) == [(1, 2), (2, 3)]
    assert not one.folder.checkpoints.exists(), "a complete run needs none"


def test_interrupted_at_its_end_it_ends_bit_identical(one, whole, monkeypatch):
    def die(*_, **__):
        raise KeyboardInterrupt("stopped by a test")

    moments = {
        "sentiment_lab.models.classifier.RecurrentClassifier.save": "interrupted",
        "sentiment_lab.runs.writing._table": "interrupted",
        "sentiment_lab.runs.journal_callback.JournalCallback.completed": "complete",
    }
    for moment, state in moments.items():
        with monkeypatch.context() as patch:
            patch.setattr(moment, die)
            with pytest.raises(KeyboardInterrupt):
                execute(one)
        assert one.folder.state == state
    execute(one)
    assert_same(one, whole)
    assert resumed(one) == [(3, 0), (4, 0), (4, 0)]
    assert one.folder.events()[-1]["event"] == "completed"


@pytest.mark.slow
def test_a_stacked_bidirectional_network_resumes_bit_identical(tmp_path, cache):
    words = [*EVERYTHING_RANDOM, "model=stacked_bilstm", "model.units=[4,4]", "launch.checkpoint_minutes=0"]
    whole, one = (job_of([*words, *locations(tmp_path / name, cache)]) for name in ("whole", "again"))
    execute(whole)
    interrupt(one, 8)
    execute(one)
    assert_same(one, whole)


def test_early_stopping_keeps_its_patience(tiny, tmp_path):
    settings = ["model=simple_rnn", "training.epochs=8", "training.patience=2", "optimizer=sgd"]
    words = [*tiny, *settings, "optimizer.learning_rate=30"]
    whole, one = (job_of([*words, f"paths.runs={tmp_path}/{name}"]) for name in ("whole", "again"))
    execute(whole)
    stopped_at = len(epochs(whole))
    assert stopped_at < 8, "patience ran out"
    interrupt(one, 6 * (stopped_at - 1) + 2)  # within the last epoch, after one without improvement
    execute(one)
    assert_same(one, whole)


def checkpoint_folder(one, cache):
    """Return the checkpoints of a job as its run opens them, and the list of their warnings."""
    dataset, messages = build_dataset(one.config, Path(cache)), []
    run = {"config": config_hash(one.config), "data": dataset.data_hash, "split": dataset.split_hash}
    return CheckpointFolder(one.folder.checkpoints, run, messages.append), messages


@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "foreign"])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_loaded(damage, one, cache):
    before, last = checkpoint_files(one.folder.checkpoints)
    content = last.read_bytes()
    contents = {"truncated": content[:-9], "emptied": b"", "foreign": before.read_bytes()}
    last.write_bytes(contents.get(damage, content[:500] + bytes([content[500] ^ 4]) + content[501:]))
    checkpoints, messages = checkpoint_folder(one, cache)
    assert len(checkpoints.load().epochs) == 1
    (message,) = messages
    assert message.startswith(f"{last} is damaged: its digest does not match")


def test_a_run_resumes_from_the_checkpoint_before_a_damaged_one(one, whole, capsys):
    _, last = checkpoint_files(one.folder.checkpoints)
    last.write_bytes(last.read_bytes()[:-9])
    execute(one)
    assert f"{last} is damaged: its digest does not match" in capsys.readouterr().err
    assert resumed(one) == [(2, 0)]
    assert_same(one, whole)


@pytest.mark.parametrize("other", ["config", "data", "split"])
def test_a_checkpoint_of_another_run_is_never_loaded(other, one, cache):
    checkpoints, messages = checkpoint_folder(one, cache)
    foreign = replace(checkpoints, run={**checkpoints.run, other: "0" * 64})
    assert foreign.load() is None
    assert len(messages) == 2
    assert all("belongs to another run" in message for message in messages)


def test_a_damaged_journal_is_reported_set_aside_and_completed_from_the_checkpoint(one, whole, capsys):
    path = one.folder.journal.path
    path.write_bytes(path.read_bytes().replace(b'"epoch": 2', b'"epoch": 7'))
    execute(one)
    message = "journal.jsonl is damaged at line 4; the damaged file is kept as journal.jsonl.damaged"
    assert message in capsys.readouterr().err
    assert resumed(one) == [(3, 0)]
    assert_same(one, whole)


def test_an_interrupted_run_does_not_resume_with_other_reviews(tmp_path, cache):
    lines = [f'"review {index} was {word}",{word}ive' for index in range(60) for word in ("posit", "negat")]
    file = tmp_path / "reviews.csv"
    file.write_text("review,sentiment\n" + "\n".join(lines), encoding="utf-8")
    one = job_of(["model=nb_svm", "data=imdb", f"data.path={file}", "tracking=none", *locations(tmp_path, cache)])
    interrupt(one, 1)
    (before,) = (event["data_hash"] for event in one.folder.events() if event["event"] == "data")
    file.write_text("review,sentiment\n" + "\n".join(lines[:-2]), encoding="utf-8")
    with pytest.raises(RunError, match="was started with other reviews"):
        execute(one)
    assert execute(one, force=True).data_hash != before
    assert one.folder.state == "complete"


def test_other_code_or_versions_are_printed_and_recorded(linear, capsys, monkeypatch):
    one = job_of(linear)
    interrupt(one, 1)
    monkeypatch.setattr("sentiment_lab.sweeps.execution.environment", lambda threads: {"keras": "0"})
    execute(one)
    assert "environment differs: keras was" in capsys.readouterr().err
    later = [event for event in one.folder.events() if event["event"] == "started"][1]
    assert any("keras" in line for line in later["differs"])


def test_checkpoint_minutes_do_not_change_the_hash_of_a_run():
    one, other = compose_config(["launch.checkpoint_minutes=0"]), compose_config(["launch.checkpoint_minutes=null"])
    assert config_hash(one) == config_hash(other)
