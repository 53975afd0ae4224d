"""Exceptions that Hydra raises without checking its input become errors that name the setting."""

from __future__ import annotations

import pytest

from sentiment_lab.cli.exit_codes import BAD_USAGE
from sentiment_lab.cli.main import main


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=0", "model must be one of"),
        (f"split.test={'[' * 1_000}1{']' * 1_000}", "split.test"),
        (f"{'key' * 1_000}=1", "keykey"),
    ],
    ids=["number for a group", "unlimited nesting", "long key"],
)
def test_an_override_that_hydra_cannot_handle_is_refused(override, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_info:
        main(["train", override])
    assert exit_info.value.code == BAD_USAGE
    output = capsys.readouterr().err
    assert message in output
    assert "Traceback" not in output


def test_a_study_that_includes_itself_is_refused(capsys, tmp_path, monkeypatch):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "circular.yaml").write_text("defaults:\n- /experiments: circular\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_info:
        main(["train", "+experiments=circular"])
    assert exit_info.value.code == BAD_USAGE
    assert "circular" in capsys.readouterr().err
