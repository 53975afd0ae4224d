"""`sentiment-lab explain`: texts from arguments, files and standard input; one JSON document; errors."""

from __future__ import annotations

import io
import json

import pytest

from sentiment_lab.base.files import atomic_write
from sentiment_lab.sweeps.execution import execute
from tests.tiny import LINEAR, job_of, locations

HOSTILE = "A <script>alert(1)</script> dull, dull film!"


@pytest.fixture(scope="module")
def linear_run(tmp_path_factory, cache):
    job = job_of([*LINEAR, "tracking=none", *locations(tmp_path_factory.mktemp("linear"), cache)], "nb_svm")
    execute(job)
    return job.folder


@pytest.fixture
def explain(lab):
    """A function that explains texts with a run and returns exit code, standard output and standard error."""

    def run(folder, *arguments):
        ended = lab("explain", *arguments, "--runs", str(folder.path.parent))
        return ended.code, ended.out, ended.err

    return run


def test_a_network_is_explained_end_to_end(trained_run, tmp_path, explain):
    run, page = trained_run, tmp_path / "page.html"
    code, out, err = explain(run, run.short_hash[:6], HOSTILE, "--json", "--html", str(page))
    assert code == 0
    (explained,) = json.loads(out)
    assert (explained["run"], explained["method"]) == (run.short_hash, "integrated_gradients")
    assert [token["token"] for token in explained["tokens"]] == ["a", "alert", "1", "dull", "dull", "film", "!"]
    assert abs(explained["gap"]) <= explained["tolerance"]
    assert explained["probability"] == pytest.approx(explained["tokens"][-1]["probability"], abs=1e-6)
    assert "wrote" in err
    assert "<script" not in page.read_text(encoding="utf-8")
    atomic_write(run.model / "model.keras", b"")
    code, out, err = explain(run, run.short_hash, "film")
    assert (code, out) == (2, "")
    assert "model.keras is damaged" in err
    (run.path / "result.json").unlink()
    assert "has no model: it is interrupted" in explain(run, run.short_hash, "film")[2]


def test_texts_come_from_arguments_files_and_standard_input(linear_run, tmp_path, explain, monkeypatch):
    (tmp_path / "review.txt").write_text("a file\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    arguments = [linear_run.short_hash, "--json", "one", "--file", str(tmp_path / "review.txt"), "-"]
    code, out, _ = explain(linear_run, *arguments)
    assert code == 0
    assert [explained["text"] for explained in json.loads(out)] == ["one", "from a pipe", "a file\n"]
    for twice in (["-", "-"], ["-", "--file", "-"]):
        code, out, err = explain(linear_run, linear_run.short_hash, *twice)
        assert (code, out) == (2, "")
        assert "- is given more than once" in err


def test_a_pipe_gets_plain_text(linear_run, explain):
    code, out, err = explain(linear_run, linear_run.short_hash, "a superb film", "dull", "--method", "occlusion")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert f"nb_svm {linear_run.short_hash}, text 2 of 2: " in out
    assert "occlusion: baseline" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{hash}"], "give texts to explain, - for standard input, or --file FILE"),
        (["ffff", "x"], "no run 'ffff'"),
        (["{hash}", "fine", " "], "text 2 is empty"),
        (["{hash}", "--file", "nowhere.txt"], "nowhere.txt cannot be read: No such file"),
        (["{hash}", "--file", "{bytes}"], "is not UTF-8"),
        (["{hash}", "x", "--method", "integrated_gradients"], "--method must be weights or occlusion for a nb_svm"),
        (["{hash}", "x", "--method", "lime"], "invalid choice: 'lime'"),
        (["{hash}", "x", "--html", "nowhere/page.html"], "--html must name a file in an existing folder"),
    ],
)
def test_mistakes_are_named_at_once(arguments, message, linear_run, tmp_path, explain):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    arguments = [word.format(hash=linear_run.short_hash, bytes=tmp_path / "bytes") for word in arguments]
    code, out, err = explain(linear_run, *arguments)
    assert (code, out) == (2, "")
    assert message in err
