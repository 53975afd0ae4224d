"""Promoting a run registers its model once and moves the alias; what cannot be promoted is reported."""

from __future__ import annotations

import json

import mlflow
import numpy as np
import pytest

from sentiment_lab.cli.main import main
from sentiment_lab.cli.promote import PromotionError, promote
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunError
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.tracking.store import open_store
from tests.tiny import job_of, only_locations

HOSTILE = 'it\'s a "quoted"/study: <script>alert(1)</script>'


def trained(words, *more):
    one = job_of([*words, *more], "nb_svm")
    execute(one)
    return one


def client_of(words):
    config = compose_config(only_locations(words))
    return open_store(config.tracking, config.paths).client


def promoted(words, job, capsys, alias="champion", name="sentiment"):
    capsys.readouterr()
    assert promote(job.folder.short_hash, alias, name, only_locations(words), as_json=True) == 0
    return json.loads(capsys.readouterr().out)


def test_promoting_twice_makes_one_version_with_the_tags_of_its_run(tracked_linear, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quoted = json.dumps(HOSTILE)
    one = trained(tracked_linear, f"study.name={quoted}")
    first, second = (promoted(tracked_linear, one, capsys) for _ in range(2))
    assert first == second
    assert (first["version"], first["uri"], first["before"]) == ("1", "models:/sentiment@champion", None)
    result = one.folder.result()
    assert first["tags"]["study"] == HOSTILE
    assert first["tags"]["config_hash"] == one.folder.config_hash
    assert first["tags"]["data_hash"] == result.data_hash
    assert float(first["tags"]["test_accuracy"]) == result.test.accuracy
    client = client_of(tracked_linear)
    (version,) = client.search_model_versions()
    assert version.description.startswith("nb_svm seed=0: test accuracy ")
    mlflow.set_tracking_uri(client.tracking_uri)
    answer = mlflow.pyfunc.load_model("models:/sentiment@champion").predict(["a fine film"])
    assert answer["probability"].iloc[0] == pytest.approx(_probability(one.folder), abs=1e-6)
    assert not list(tmp_path.glob("mlruns")), "MLflow created no default store"


def _probability(folder):
    from sentiment_lab.models.classifier import load_classifier

    return np.asarray(load_classifier(folder.model).predict_probabilities(["a fine film"]))[0]


def test_an_alias_moves_and_an_untracked_run_is_mirrored_first(tracked_linear, capsys):
    one = trained(tracked_linear, "tracking=none", "seed=1")
    other = trained(tracked_linear, "tracking.model=false", "seed=2")
    assert promoted(tracked_linear, one, capsys)["version"] == "1"
    moved = promoted(tracked_linear, other, capsys)
    assert (moved["version"], moved["before"]["version"]) == ("2", "1")
    back = promoted(tracked_linear, one, capsys)
    assert (back["version"], back["before"]["version"]) == ("1", "2")
    assert promoted(tracked_linear, one, capsys, "old", "another")["version"] == "1"
    versions = client_of(tracked_linear).search_model_versions()
    assert sorted((version.name, str(version.version)) for version in versions) == [
        ("another", "1"),
        ("sentiment", "1"),
        ("sentiment", "2"),
    ]
    assert promote(one.folder.short_hash, "champion", "sentiment", only_locations(tracked_linear), as_json=False) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"sentiment version 1 is the champion: nb_svm {one.folder.short_hash}, test accuracy ")
    assert "mlflow models serve -m models:/sentiment@champion" in shown


@pytest.mark.parametrize(
    ("alias", "name", "message"),
    [
        ("latest", "sentiment", "--as must not be 'latest'"),
        ("Latest", "sentiment", "--as must not be 'latest'"),
        ("v3", "sentiment", "--as must not be 'latest' or a version such as 'v1', which MLflow uses, got 'v3'"),
        ("", "sentiment", "--as must be letters, digits, '_' and '-', at most 100, got ''"),
        ("a b", "sentiment", "got 'a b'"),
        ("x" * 101, "sentiment", "at most 100"),
        ("champion", "a/b", "--name must be letters, digits, '.', '_' and '-', at most 100, got 'a/b'"),
        ("champion", "a@b", "got 'a@b'"),
        ("champion", "..", r"got '\.\.'"),
        ("champion", "", "got ''"),
    ],
)
def test_an_invalid_alias_or_name_is_reported_before_anything_is_read(alias, name, message):
    with pytest.raises(PromotionError, match=message):
        promote("abc", alias, name, [], as_json=False)


def test_an_unknown_incomplete_or_damaged_run_is_not_promoted(linear):
    one = trained(linear)
    with pytest.raises(RunError, match="no run 'fffff'"):
        promote("fffff", "champion", "sentiment", only_locations(linear), as_json=False)
    whole = (one.folder.model / "model.json").read_text()
    (one.folder.model / "model.json").write_text("{}")
    with pytest.raises(RunError, match=r"is not promoted: .*model\.json"):
        promote(one.folder.short_hash, "champion", "sentiment", only_locations(linear), as_json=False)
    (one.folder.model / "model.json").write_text(whole)
    (one.folder.path / "result.json").unlink()
    with pytest.raises(RunError, match="has no model: it is interrupted"):
        promote(one.folder.short_hash, "champion", "sentiment", only_locations(linear), as_json=False)


def test_an_unusable_store_is_reported(linear, capsys):
    one = trained(linear)
    words = ["promote", one.folder.short_hash, "--as", "champion", *only_locations(linear)]
    with pytest.raises(SystemExit) as ended:
        main([*words, "tracking.uri=sqlite:////proc/nowhere/mlflow.db"])
    assert ended.value.code == 2
    assert "/proc/nowhere" in capsys.readouterr().err
