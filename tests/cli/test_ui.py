"""The UI opens at a study, in a view that shows sweeps with their runs."""

from __future__ import annotations

import json

import pytest

from sentiment_lab.cli import ui as command
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.folder import RunError
from sentiment_lab.tracking.store import open_store
from sentiment_lab.tracking.sweep_parent import SweepParent
from sentiment_lab.tracking.views import FIRST_VIEW, PREFIX, view_tags

HOSTILE = 'it\'s a "quoted"/study: <script>alert(1)</script>'


@pytest.fixture
def store(tracked):
    config = compose_config(tracked)
    return open_store(config.tracking, config.paths)


@pytest.fixture
def shown(store, tmp_path, monkeypatch, capsys):
    """Return what `ui` says for a study; no server starts."""
    monkeypatch.setattr(command, "_serve", lambda *_: 0)
    monkeypatch.setattr(command, "_check_port", lambda _: None)

    def show(study=None):
        assert command.ui(str(tmp_path), 5000, study) == 0
        return capsys.readouterr().err

    return show


def page(identifier):
    return f"/#/experiments/{identifier}/runs?workflowType=machine_learning&viewStateShareKey={FIRST_VIEW}  ("


@pytest.mark.parametrize("name", ["small", HOSTILE])
def test_the_address_leads_to_the_study_that_ran_last_or_is_named(name, store, shown):
    assert "/#/experiments?workflowType=machine_learning  (" in shown(), "no run yet: the list of studies"
    parents = [SweepParent.open(store, study, "a sweep", {"sweep": "abc"}) for study in (name, "newer")]
    ids = [store.client.get_run(parent.run_id).info.experiment_id for parent in parents]
    assert page(ids[1]) in shown()
    assert page(ids[0]) in shown(name)
    with pytest.raises(RunError, match="has no runs of the study 'nope'"):
        shown("nope")


def test_an_experiment_has_its_views_and_keeps_those_a_person_changed(store, shown):
    parent = SweepParent.open(store, "small", "a sweep", {"sweep": "abc"})
    identifier = store.client.get_run(parent.run_id).info.experiment_id
    tags = store.client.get_experiment(identifier).tags
    assert set(view_tags()) <= set(tags)
    store.client.set_experiment_tag(identifier, f"{PREFIX}{FIRST_VIEW}", "mine")
    store.client._tracking_client.store.delete_experiment_tag(identifier, f"{PREFIX}best")
    assert f"{PREFIX}best" not in store.client.get_experiment(identifier).tags
    shown()
    tags = store.client.get_experiment(identifier).tags
    assert tags[f"{PREFIX}{FIRST_VIEW}"] == "mine"
    assert f"{PREFIX}best" in tags


def test_a_view_is_what_the_ui_reads():
    """Fields and columns as MLflow's UI of 3.17 and 3.18 reads them: seen in a browser, held here."""
    for text in view_tags().values():
        view = json.loads(text)
        state = json.loads(view["state"])
        assert isinstance(view["name"], str)
        assert isinstance(view["createdAt"], int)
        assert len(text) < 5000, "an experiment's tag takes no more"
        assert "metrics.`test_accuracy`" in state["selectedColumns"]
        assert state["columnOrder"][:2] == ["attributes.`Run Name`", "runDateAndNestInfo"]
    first = json.loads(json.loads(view_tags()[f"{PREFIX}{FIRST_VIEW}"])["state"])
    assert (first["orderByKey"], first["searchFilter"]) == ("attributes.start_time", ""), "else nothing is nested"


def test_a_store_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RunError, match=r"MLflow store http://127\.0\.0\.1:9 failed"):
        command.ui(str(tmp_path), 5000)
