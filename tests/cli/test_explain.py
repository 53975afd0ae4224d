"""`sentiment-lab explain`: texts from words, files and standard input; one JSON document; errors."""

from __future__ import annotations

import io
import json
import signal

import pytest

from sentiment_lab.base.files import atomic_write
from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.runs.job import Job
from sentiment_lab.sweeps.execution import execute

HOSTILE = "A <script>alert(1)</script> dull, dull film!"


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    root = tmp_path_factory.mktemp("linear")
    places = [f"paths.runs={root}/runs", f"paths.store={root}", f"paths.cache={root}/cache"]
    settings = ["model=nb_svm", "data.reviews=120", "data.length=12", "data.distance=2", "launch.progress=none"]
    words = [*settings, "tracking=none", *places]
    job = Job(compose_config(words), words, "nb_svm")
    execute(job)
    return job.folder


def explain(capsys, run, *words):
    """Return exit code, standard output and standard error of one command."""
    before = signal.getsignal(signal.SIGTERM)  # which `main` sets for its process
    with pytest.raises(SystemExit) as ended:
        main(["explain", *words, "--runs", str(run.path.parent)])
    signal.signal(signal.SIGTERM, before)
    written = capsys.readouterr()
    return ended.value.code, written.out, written.err


def test_a_network_is_explained_end_to_end(tiny, tmp_path, capsys):
    job = Job(compose_config(tiny), tiny, "bilstm")
    execute(job)
    run, page = job.folder, tmp_path / "page.html"
    code, out, err = explain(capsys, run, run.short_hash[:6], HOSTILE, "--json", "--html", str(page))
    assert code == 0
    (found,) = json.loads(out)
    assert (found["run"], found["method"]) == (run.short_hash, "integrated_gradients")
    assert [token["token"] for token in found["tokens"]] == ["a", "alert", "1", "dull", "dull", "film", "!"]
    assert abs(found["gap"]) <= found["tolerance"]
    assert found["probability"] == pytest.approx(found["tokens"][-1]["probability"], abs=1e-6)
    assert "wrote" in err
    assert "<script" not in page.read_text(encoding="utf-8")
    atomic_write(run.model / "model.keras", b"")
    code, out, err = explain(capsys, run, run.short_hash, "film")
    assert (code, out) == (2, "")
    assert "model.keras is damaged" in err
    (run.path / "result.json").unlink()
    assert "has no model: it is interrupted" in explain(capsys, run, run.short_hash, "film")[2]


def test_texts_come_from_words_files_and_standard_input(linear, tmp_path, capsys, monkeypatch):
    (tmp_path / "review.txt").write_text("a file\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    words = [linear.short_hash, "--json", "one", "--file", str(tmp_path / "review.txt"), "-"]
    code, out, _ = explain(capsys, linear, *words)
    assert code == 0
    assert [found["text"] for found in json.loads(out)] == ["one", "from a pipe", "a file\n"]


def test_a_pipe_gets_plain_text(linear, capsys):
    code, out, err = explain(capsys, linear, linear.short_hash, "a superb film", "dull", "--method", "occlusion")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert f"nb_svm {linear.short_hash}, text 2 of 2: " in out
    assert "occlusion: baseline" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{hash}"], "give texts to explain, - for standard input, or --file FILE"),
        (["ffff", "x"], "no run 'ffff'"),
        (["{hash}", "fine", " "], "text 2 is empty"),
        (["{hash}", "--file", "nowhere.txt"], "nowhere.txt cannot be read: No such file"),
        (["{hash}", "--file", "{bytes}"], "is not UTF-8"),
        (["{hash}", "x", "--method", "integrated_gradients"], "--method must be weights or occlusion for a nb_svm"),
        (["{hash}", "x", "--method", "lime"], "invalid choice: 'lime'"),
        (["{hash}", "x", "--html", "nowhere/page.html"], "--html must name a file in a folder that is there"),
    ],
)
def test_mistakes_are_named_at_once(words, message, linear, tmp_path, capsys):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    words = [word.format(hash=linear.short_hash, bytes=tmp_path / "bytes") for word in words]
    code, out, err = explain(capsys, linear, *words)
    assert (code, out) == (2, "")
    assert message in err
