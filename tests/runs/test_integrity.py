"""Whatever happens to a file of a run's folder, it is named; no file of another run is taken for one's own."""

from __future__ import annotations

import shutil

import pytest

from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.integrity import find_damage, find_foreign
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback
from tests.tiny import TINY


class CopyAfter(Callback):
    """Copies a folder between two batches: what a kill at this moment leaves."""

    def __init__(self, folder, target, batches):
        self.folder, self.target, self.batches = folder, target, batches

    def batch_ended(self, progress):
        self.batches -= 1
        if self.batches == 0:
            shutil.copytree(self.folder.path, self.target)


def job(root, cache, *words):
    words = [*TINY, "tracking=none", *words, f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={cache}"]
    return Job(compose_config(words), words, "bilstm")


def killed_copy(one):
    """Where a copy of a run's folder is, made in its second epoch."""
    return one.folder.path.parents[1] / f"killed-{one.folder.short_hash}"


def kill(one):
    """Make a complete run what it would be after a kill in its second epoch."""
    shutil.rmtree(one.folder.path)
    shutil.copytree(killed_copy(one), one.folder.path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cache):
    """A folder with two runs."""
    root = tmp_path_factory.mktemp("trained")
    for one in (job(root, cache), job(root, cache, "seed=9")):
        execute(one, observer=CopyAfter(one.folder, killed_copy(one), 9))
    return root


@pytest.fixture
def pair(trained, tmp_path, cache):
    """The two runs in a folder that a test may damage."""
    root = shutil.copytree(trained, tmp_path / "copy")
    return job(root, cache), job(root, cache, "seed=9")


def damage(one):
    """Return the messages that name the damaged files of a run's folder."""
    return list(map(str, find_damage(one.folder)))


def epochs(one):
    return [event["epoch"] for event in one.folder.events() if event["event"] == "epoch"]


@pytest.mark.parametrize("name", ["journal.jsonl", "result.json"])
def test_a_file_of_another_run_is_not_taken_for_ones_own(name, pair):
    one, other = pair
    shutil.copy(other.folder.path / name, one.folder.path)
    told = f"{one.folder.path / name} belongs to another run"
    assert told in damage(one)
    with pytest.raises(ValueError if name == "result.json" else RunError, match="belongs to another run"):
        execute(one)


def test_an_interrupted_run_with_the_journal_of_another_starts_again(pair, capsys):
    one, other = pair
    whole = one.folder.result()
    kill(one)
    shutil.copy(killed_copy(other) / "journal.jsonl", one.folder.path)
    execute(one)
    assert "belongs to another run; it is kept as journal.jsonl.damaged" in capsys.readouterr().err
    assert one.folder.result().weights_digest == whole.weights_digest
    assert one.folder.started()["name"] == "bilstm seed=0"
    assert epochs(one) == [1, 2]


@pytest.mark.parametrize("lines", [3, 4])
def test_a_complete_run_does_not_go_by_a_journal_that_lacks_epochs(lines, pair):
    one, _ = pair
    path = one.folder.journal.path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))
    if lines == 4:
        assert damage(one) == [f"{path} lacks its last line"]
        execute(one)
        assert find_damage(one.folder) == []
    else:
        assert damage(one) == [f"{path} lacks epochs"]
        with pytest.raises(RunError, match="lacks epochs; --force runs it again"):
            execute(one)


def test_a_result_that_was_there_is_missed(pair):
    one, _ = pair
    (one.folder.path / "result.json").unlink()
    assert f"{one.folder.path / 'result.json'} is missing" in damage(one)


@pytest.mark.parametrize("name", ["model/model.json", "result.json"])
def test_foreign_files_are_found_beside_damaged_ones(name, pair):
    one, _ = pair
    (one.folder.path / name).write_text("{")
    (one.folder.path / "notes.txt").write_text("mine")
    assert find_foreign(one.folder) == [one.folder.path / "notes.txt"]
    assert any(name in problem for problem in damage(one))


@pytest.mark.parametrize("name", ["config.json", "overrides.yaml", "environment.txt"])
@pytest.mark.parametrize("content", [None, "", "foreign: 3\n"])
def test_an_interrupted_run_goes_on_with_what_was_written_first_made_whole(name, content, pair, capsys):
    one, _ = pair
    whole = one.folder.result()
    kill(one)
    path = one.folder.path / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    execute(one)
    assert name in capsys.readouterr().err
    assert find_damage(one.folder) == []
    assert one.folder.result().weights_digest == whole.weights_digest


def test_lost_checkpoints_are_named(pair, capsys):
    one, _ = pair
    kill(one)
    shutil.rmtree(one.folder.checkpoints)
    told = f"{one.folder.checkpoints} lacks the checkpoint of epoch 1"
    assert damage(one) == [told]
    execute(one)
    assert told in capsys.readouterr().err
    assert (epochs(one), find_damage(one.folder)) == ([1, 2], [])


def test_a_foreign_file_among_the_checkpoints_is_named(pair):
    one, _ = pair
    kill(one)
    (one.folder.checkpoints / "notes.txt").write_text("mine")
    assert find_foreign(one.folder) == [one.folder.checkpoints / "notes.txt"]


def test_checkpoints_that_outlived_their_run_are_removed_by_the_same_command(pair):
    one, _ = pair
    shutil.copytree(killed_copy(one) / "checkpoint", one.folder.checkpoints)
    execute(one)
    assert not one.folder.checkpoints.exists()
