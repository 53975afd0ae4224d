"""A run that was interrupted anywhere goes on and ends as if it had not been."""

from __future__ import annotations

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.journal_callback import without_times
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback
from sentiment_lab.training.checkpoint import checkpoint_files

EVERYTHING_RANDOM = [
    *("model.dropout=0.3", "model.embedding_dropout=0.2", "model.recurrent_dropout=0.1", "model.units=[4,4]"),
    *("training.averaging=ema", "optimizer.schedule=cosine", "optimizer.warmup=0.2", "training.epochs=3"),
    *("training.word_dropout=0.2", "training.crop_length=9", "text.embedding_init=cooccurrence_nb"),
]


class StopAfter(Callback):
    """Interrupts after so many batches, as Ctrl-C does, or when an event of the run's end comes."""

    def __init__(self, batches):
        self.batches = batches

    def batch_ended(self, progress):
        self.batches -= 1
        if self.batches == 0:
            raise KeyboardInterrupt("stopped by a test")


def job(overrides, root):
    words = [*overrides, f"paths.runs={root}"]
    return Job(compose_config(words), words, "bilstm")


def interrupt(one, batches):
    with pytest.raises(KeyboardInterrupt):
        execute(one, observer=StopAfter(batches))
    assert one.folder.state == "interrupted"


def assert_same(one, other):
    assert one.folder.result().weights_digest == other.folder.result().weights_digest
    assert one.folder.result().test == other.folder.result().test
    assert one.folder.predictions().equals(other.folder.predictions())
    assert epochs(one) == epochs(other)


def epochs(one):
    return [without_times(event) for event in one.folder.events() if event["event"] == "epoch"]


@pytest.fixture
def whole(tiny, tmp_path):
    one = job([*tiny, *EVERYTHING_RANDOM], tmp_path / "whole")
    execute(one)
    return one


@pytest.mark.parametrize("minutes", ["0", "null"])
def test_interrupted_within_epochs_it_ends_bit_identical(minutes, whole, tiny, tmp_path):
    one = job([*tiny, *EVERYTHING_RANDOM, f"launch.checkpoint_minutes={minutes}"], tmp_path / "again")
    for batches in (3, 8, 4):
        interrupt(one, batches)
        assert len(checkpoint_files(one.folder.checkpoints)) <= 2
    execute(one)
    assert_same(one, whole)
    resumed = [(event["epoch"], event["steps"]) for event in one.folder.events() if event["event"] == "resumed"]
    assert resumed == ([(1, 2), (2, 3), (3, 0)] if minutes == "0" else [(2, 0), (2, 0)])[: len(resumed)]
    assert not one.folder.checkpoints.exists(), "a complete run needs none"


@pytest.mark.parametrize("moment", ["save", "write_outcome", "completed"])
def test_interrupted_at_its_end_it_ends_bit_identical(moment, whole, tiny, tmp_path, monkeypatch):
    def die(*_, **__):
        raise KeyboardInterrupt("stopped by a test")

    one = job([*tiny, *EVERYTHING_RANDOM], tmp_path / "again")
    with monkeypatch.context() as patch:
        places = {
            "save": "sentiment_lab.models.classifier.RecurrentClassifier.save",
            "write_outcome": "sentiment_lab.runs.writing._table",
            "completed": "sentiment_lab.runs.journal_callback.Recorder.completed",
        }
        patch.setattr(places[moment], die)
        with pytest.raises(KeyboardInterrupt):
            execute(one)
    assert one.folder.state == ("complete" if moment == "completed" else "interrupted")
    execute(one)
    assert_same(one, whole)
    assert one.folder.events()[-1]["event"] == "completed"


def test_early_stopping_goes_on_waiting_where_it_was(tiny, tmp_path):
    settings = ["training.epochs=8", "training.patience=2", "optimizer=sgd", "optimizer.learning_rate=30"]
    whole, one = (job([*tiny, *settings], tmp_path / name) for name in ("whole", "again"))
    execute(whole)
    assert len(epochs(whole)) < 8, "patience ran out"
    while one.folder.state != "complete":
        try:
            execute(one, observer=StopAfter(7))
        except KeyboardInterrupt:
            continue
    assert_same(one, whole)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "foreign"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(damage, whole, tiny, tmp_path, capsys):
    one = job([*tiny, *EVERYTHING_RANDOM], tmp_path / "again")
    interrupt(one, 15)
    before, last = checkpoint_files(one.folder.checkpoints)
    content = last.read_bytes()
    contents = {"truncated": content[:-9], "emptied": b"", "foreign": before.read_bytes()}
    last.write_bytes(contents.get(damage, content[:500] + bytes([content[500] ^ 4]) + content[501:]))
    execute(one)
    assert f"{last} is damaged: its digest does not match" in capsys.readouterr().err
    (resumed,) = (event for event in one.folder.events() if event["event"] == "resumed")
    assert resumed["epoch"] == 2
    assert_same(one, whole)


def test_a_checkpoint_of_another_run_is_never_used(whole, tiny, tmp_path, capsys):
    one, other = job([*tiny, *EVERYTHING_RANDOM], tmp_path / "a"), job([*tiny, *EVERYTHING_RANDOM, "seed=9"], tmp_path)
    for each in (one, other):
        interrupt(each, 9)
    for path in one.folder.checkpoints.iterdir():
        path.unlink()
    for path in other.folder.checkpoints.iterdir():
        path.rename(one.folder.checkpoints / path.name)
    execute(one)
    assert "belongs to another run" in capsys.readouterr().err
    assert_same(one, whole)


def test_a_damaged_journal_is_named_set_aside_and_filled_from_the_checkpoint(whole, tiny, tmp_path, capsys):
    one = job([*tiny, *EVERYTHING_RANDOM], tmp_path / "again")
    interrupt(one, 15)
    path = one.folder.journal.path
    path.write_bytes(path.read_bytes().replace(b'"epoch": 2', b'"epoch": 7'))
    execute(one)
    assert "journal.jsonl is damaged at line 4; it is kept as journal.jsonl.damaged" in capsys.readouterr().err
    assert_same(one, whole)


def test_an_interrupted_run_does_not_go_on_with_other_reviews(tiny, tmp_path):
    lines = [f'"review {index} was {word}",{word}ive' for index in range(60) for word in ("posit", "negat")]
    file = tmp_path / "reviews.csv"
    file.write_text("review,sentiment\n" + "\n".join(lines), encoding="utf-8")
    words = [text for text in tiny if not text.startswith("data.")] + ["data=imdb", f"data.path={file}"]
    one = job(words, tmp_path / "runs")
    interrupt(one, 3)
    file.write_text("review,sentiment\n" + "\n".join(lines[:-2]), encoding="utf-8")
    with pytest.raises(RunError, match="was begun with other reviews"):
        execute(one)
    assert execute(one, force=True).data_hash != one.folder.events()[-1].get("data_hash")


def test_other_code_or_versions_are_said_and_kept(tiny, tmp_path, capsys, monkeypatch):
    one = job(tiny, tmp_path / "runs")
    interrupt(one, 8)
    monkeypatch.setattr("sentiment_lab.sweeps.execution.environment", lambda threads: {"keras": "0"})
    execute(one)
    assert "environment differs: keras was" in capsys.readouterr().err
    later = [event for event in one.folder.events() if event["event"] == "started"][1]
    assert any("keras" in line for line in later["differs"])


def test_the_stored_checkpoint_minutes_do_not_change_the_name_of_a_run():
    one, other = compose_config(["launch.checkpoint_minutes=0"]), compose_config(["launch.checkpoint_minutes=null"])
    from sentiment_lab.config.identity import config_hash

    assert config_hash(one) == config_hash(other)
