"""The folder of a model detects damaged, missing and foreign files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentiment_lab.models.folder import read_description, write_description

SETTINGS = {"model": {"family": "nb_svm"}, "lowercase": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weights.npz").write_bytes(b"weights")
    write_description(tmp_path, SETTINGS)
    return tmp_path


def test_settings_come_back(folder):
    assert read_description(folder) == SETTINGS


def test_a_changed_setting_is_detected(folder):
    path = folder / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace("true", "false"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"model\.json is damaged"):
        read_description(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b'{"format": 2}', b"\xff\xfe"])
def test_a_foreign_description_is_detected(folder, content):
    (folder / "model.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.json"):
        read_description(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere/model\.json is missing"):
        read_description(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"weight", b"weightz"])
def test_a_damaged_file_is_named(folder, content):
    (folder / "weights.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"weights\.npz is damaged"):
        read_description(folder)


def test_a_missing_file_is_named(folder):
    (folder / "weights.npz").unlink()
    with pytest.raises(ValueError, match=r"weights\.npz is missing"):
        read_description(folder)


def test_every_byte_of_the_description_counts(folder):
    path = folder / "model.json"
    written = path.read_bytes()
    for index, byte in enumerate(written):
        path.write_bytes(written[:index] + bytes([byte ^ 1]) + written[index + 1 :])
        try:
            assert read_description(folder) == SETTINGS
        except ValueError as error:
            assert "model.json" in str(error)  # noqa: PT017


def test_the_same_model_has_the_same_description(folder):
    written = (folder / "model.json").read_text(encoding="utf-8")
    write_description(folder, SETTINGS)
    assert (folder / "model.json").read_text(encoding="utf-8") == written
    assert json.loads(written)["files"].keys() == {"weights.npz"}
