"""Every damaged or foreign file of a run folder is named, and no file of another run is used."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.integrity import find_damage, find_foreign
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.training.callbacks import Callback
from tests.tiny import LINEAR, TINY, job_of, locations


class CopyAt(Callback):
    """Copies a run folder at a moment of training: what a kill at this moment leaves."""

    def __init__(self, folder, target, epoch, step=None):
        self.folder, self.target, self.moment = folder, target, (epoch, step)

    def batch_ended(self, progress):
        if (progress.epoch, progress.step) == self.moment:
            shutil.copytree(self.folder.path, self.target)

    def epoch_ended(self, record):
        if (record.epoch, None) == self.moment:
            shutil.copytree(self.folder.path, self.target)


def killed_copy(one):
    """Return the copy of a run folder that `CopyAt` made."""
    return one.folder.path.parents[1] / f"killed-{one.folder.short_hash}"


def kill(one):
    """Turn a complete run into what a kill leaves."""
    shutil.rmtree(one.folder.path)
    shutil.copytree(killed_copy(one), one.folder.path)


def linear_jobs(root, cache):
    """Return two jobs that differ in their seed."""
    one = job_of([*LINEAR, "tracking=none", *locations(root, cache)], "nb_svm")
    return one, replace(one, config=replace(one.config, seed=9), overrides=[*one.overrides, "seed=9"])


def network_job(root, cache):
    return job_of([*TINY, "model=simple_rnn", "tracking=none", *locations(root, cache)], "simple_rnn")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cache):
    """The root of two runs, killed copies of which were made after their epoch."""
    root = tmp_path_factory.mktemp("trained")
    for one in linear_jobs(root, cache):
        execute(one, callback=CopyAt(one.folder, killed_copy(one), 1))
    return root


@pytest.fixture
def pair(trained, tmp_path, cache):
    """The two runs in a folder that a test may damage."""
    return linear_jobs(shutil.copytree(trained, tmp_path / "copy"), cache)


@pytest.fixture(scope="module")
def trained_network(tmp_path_factory, cache):
    """The root of a network's run, with a copy that a kill within its second epoch would have left."""
    one = network_job(tmp_path_factory.mktemp("network"), cache)
    execute(one, callback=CopyAt(one.folder, killed_copy(one), 2, 3))
    return one.folder.path.parents[1]


@pytest.fixture
def network(trained_network, tmp_path, cache):
    """The network's run in a folder that a test may damage."""
    return network_job(shutil.copytree(trained_network, tmp_path / "network"), cache)


def damage(one):
    """Return the messages that name the damaged files of a run's folder."""
    return list(map(str, find_damage(one.folder)))


def epochs(one):
    return [event["epoch"] for event in one.folder.events() if event["event"] == "epoch"]


@pytest.mark.parametrize("name", ["journal.jsonl", "result.json"])
def test_a_file_of_another_run_is_not_used(name, pair):
    one, other = pair
    shutil.copy(other.folder.path / name, one.folder.path)
    assert f"{one.folder.path / name} belongs to another run" in damage(one)
    with pytest.raises(ValueError if name == "result.json" else RunError, match="belongs to another run"):
        execute(one)


def test_an_interrupted_run_with_the_journal_of_another_starts_again(pair, capsys):
    one, other = pair
    whole = one.folder.result()
    kill(one)
    shutil.copy(killed_copy(other) / "journal.jsonl", one.folder.path)
    execute(one)
    assert "belongs to another run; the damaged file is kept as journal.jsonl.damaged" in capsys.readouterr().err
    assert one.folder.result().weights_digest == whole.weights_digest
    assert one.folder.started()["name"] == "nb_svm seed=0"
    assert epochs(one) == [1]


@pytest.mark.parametrize(("lines", "missing"), [(2, "epochs"), (3, "its last line")])
def test_a_complete_run_whose_journal_lacks_lines_is_reported(lines, missing, pair):
    one, _ = pair
    path = one.folder.journal.path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))
    assert damage(one) == [f"{path} lacks {missing}"]
    if missing == "epochs":
        with pytest.raises(RunError, match="lacks epochs; --force retrains it"):
            execute(one)
    else:
        execute(one)
        assert find_damage(one.folder) == []


def test_a_missing_result_of_a_complete_run_is_reported(pair):
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
def test_a_resumed_run_restores_the_first_files(name, content, pair, capsys):
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


def test_lost_checkpoints_are_reported_and_the_run_starts_again(network, capsys):
    whole = network.folder.result()
    kill(network)
    shutil.rmtree(network.folder.checkpoints)
    message = f"{network.folder.checkpoints} lacks the checkpoint of epoch 1"
    assert damage(network) == [message]
    execute(network)
    assert message in capsys.readouterr().err
    assert (epochs(network), find_damage(network.folder)) == ([1, 2], [])
    assert network.folder.result().weights_digest == whole.weights_digest


def test_a_foreign_file_among_the_checkpoints_is_found(network):
    kill(network)
    (network.folder.checkpoints / "notes.txt").write_text("mine")
    assert find_foreign(network.folder) == [network.folder.checkpoints / "notes.txt"]


def test_the_same_command_removes_the_checkpoints_of_a_complete_run(network):
    shutil.copytree(killed_copy(network) / "checkpoint", network.folder.checkpoints)
    execute(network)
    assert not network.folder.checkpoints.exists()
