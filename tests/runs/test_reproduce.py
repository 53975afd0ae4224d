"""A run is repeated from its hash alone, and the verdict is true."""

from __future__ import annotations

import json
import shutil

import pytest

from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import DamageError
from sentiment_lab.cli.reproduce import reproduce
from sentiment_lab.config import identity
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.schema import ConfigError
from sentiment_lab.runs.folder import RunError
from sentiment_lab.runs.job import Job
from sentiment_lab.runs.published import lines_of
from sentiment_lab.runs.reproduction import read_verdict
from sentiment_lab.sweeps.execution import execute


def done(words):
    one = Job(compose_config(words), words, "bilstm")
    execute(one)
    return one


def places(words):
    """What of a run's overrides says where things are."""
    return [word for word in words if word.startswith(("paths.", "tracking"))]


def again(one, words, capsys, **options):
    """Reproduce a run; return exit code and the printed document."""
    settings = {"other_data": False, "tolerance": 0.01, "as_json": True, **options}
    code = reproduce(one.folder.short_hash[:8], places(words), **settings)
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def other_numbers(monkeypatch):
    """From now on trainings draw other random numbers, as if another library computed."""
    from sentiment_lab.models import recurrent

    seed = recurrent._seed
    monkeypatch.setattr(recurrent, "_seed", lambda number, name: seed(number + 1, name))


def test_a_run_comes_out_the_same_to_the_bit_and_both_say_so(tiny, capsys):
    one = done(tiny)
    code, verdict = again(one, tiny, capsys)
    assert code == 0
    assert verdict["verdict"] == "bit-identical"
    assert [verdict[f"same_{what}"] for what in ("weights", "predictions", "epochs")] == [True, True, True]
    assert verdict["largest_difference"] == 0
    assert read_verdict(one.folder)["verdict"] == "bit-identical"
    repeated = tiny_root(tiny) / "reproductions" / "1" / one.folder.short_hash
    assert (repeated / "reproduction.json").read_text() == (one.folder.path / "reproduction.json").read_text()


def tiny_root(words):
    from pathlib import Path

    return Path(next(word for word in words if word.startswith("paths.store=")).partition("=")[2])


def test_each_reproduction_has_a_folder_of_its_own_and_an_interrupted_one_goes_on(tiny, capsys, monkeypatch):
    one = done(tiny)
    again(one, tiny, capsys)
    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.runs.writing._table", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again(one, tiny, capsys)
    root = tiny_root(tiny) / "reproductions"
    assert {path.name for path in root.iterdir()} == {"1", "2"}
    assert again(one, tiny, capsys)[1]["again"].startswith(f"{root}/2/")
    assert again(one, tiny, capsys)[1]["again"].startswith(f"{root}/3/")


def test_a_baseline_is_reproduced_too(tiny, capsys):
    words = [*(word for word in tiny if not word.startswith("model.")), "model=nb_svm"]
    assert again(done(words), words, capsys)[1]["verdict"] == "bit-identical"


def test_the_store_alone_is_enough(tracked, tmp_path, capsys):
    one = done([*tracked, "study.name=mine"])
    shutil.rmtree(tmp_path / "runs")
    code, verdict = again(one, tracked, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    from sentiment_lab.tracking.store import open_store

    store = open_store(one.config.tracking, one.config.paths)
    runs = {run.info.run_name: run for run in store.search("tags.study = 'mine'")}
    assert runs.keys() == {"bilstm seed=0", "reproduction of bilstm seed=0"}
    for run in runs.values():
        assert run.data.tags["reproduction"] == "bit-identical"
        assert "run/reproduction.json" in {item.path for item in store.client.list_artifacts(run.info.run_id, "run")}
    assert runs["reproduction of bilstm seed=0"].data.tags["reproduces"] == identity.config_hash(one.config)


@pytest.fixture
def published(tiny, tmp_path, monkeypatch):
    """A run of which nothing is left but what a page keeps of it, in a folder of someone else's."""
    one = done(tiny)
    page = tmp_path / "elsewhere" / "experiments" / "answer"
    page.mkdir(parents=True)
    (page / "mine.jsonl").write_text(lines_of([one.folder]), encoding="utf-8")
    shutil.rmtree(tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return one


def test_what_a_page_keeps_of_a_run_is_enough(published, tiny, tmp_path, capsys):
    text = next((tmp_path / "elsewhere").rglob("*.jsonl")).read_text(encoding="utf-8")
    assert str(tmp_path) not in text, "no place of the machine is in a page"
    code, verdict = again(published, tiny, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    assert [verdict[f"same_{what}"] for what in ("weights", "predictions", "epochs")] == [True, True, True]
    assert verdict["original"].endswith("mine.jsonl")


def test_what_a_page_keeps_tells_a_run_that_came_out_otherwise(published, tiny, capsys, other_numbers):
    code, verdict = again(published, tiny, capsys)
    assert (code, verdict["verdict"]) == (3, "diverged")
    assert not verdict["same_weights"]
    assert not verdict["same_predictions"]


def test_of_a_run_made_on_two_machines_the_one_like_this_is_compared(published, tiny, tmp_path, capsys):
    mine = next((tmp_path / "elsewhere").rglob("*.jsonl"))
    other = json.loads(mine.read_text(encoding="utf-8"))
    other["environment"]["processor"], other["predictions"] = "another", "0" * 64
    for name in ("a", "z"):
        mine.with_stem(name).write_text(json.dumps(other), encoding="utf-8")
    code, verdict = again(published, tiny, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    assert verdict["original"].endswith("mine.jsonl")


def test_a_page_that_cannot_be_read_is_named(published, tiny, tmp_path, capsys):
    file = next((tmp_path / "elsewhere").rglob("*.jsonl"))
    file.write_text(file.read_text(encoding="utf-8")[:200], encoding="utf-8")
    with pytest.raises(DamageError, match=r"mine\.jsonl: a line cannot be read"):
        again(published, tiny, capsys)


def test_a_difference_beyond_the_tolerance_is_told_with_its_epoch_and_exit_code_3(tiny, capsys, other_numbers):
    one = Job(compose_config(tiny), tiny, "bilstm")
    code, verdict = _with_other_numbers(one, tiny, capsys, tolerance=0)
    assert code == 3
    assert (verdict["verdict"], verdict["epoch"]) == ("diverged", 1)
    assert verdict["largest_difference"] > 0
    assert verdict["where"].startswith(("epoch", "test_"))


def test_a_difference_below_the_tolerance_is_told_with_its_size(tiny, capsys, other_numbers):
    one = Job(compose_config(tiny), tiny, "bilstm")
    code, verdict = _with_other_numbers(one, tiny, capsys, tolerance=1)
    assert (code, verdict["verdict"], verdict["epoch"]) == (0, "within tolerance", None)
    assert not verdict["same_weights"]
    assert verdict["explanation"] == "no layer that is known differs"


def _with_other_numbers(one, words, capsys, **options):
    with pytest.MonkeyPatch.context() as patch:
        from sentiment_lab.models import recurrent

        other = recurrent._seed
        patch.setattr(recurrent, "_seed", lambda number, name: other(number - 1, name) if number else other(6, name))
        execute(one)
    return again(one, words, capsys, **options)


def test_the_layer_that_differs_is_warned_of_and_explains(tiny, capsys, monkeypatch, other_numbers):
    one = Job(compose_config(tiny), tiny, "bilstm")
    with pytest.MonkeyPatch.context() as patch:
        real = identity.environment
        patch.setattr(
            "sentiment_lab.sweeps.execution.environment", lambda threads: {**real(threads), "keras": "2", "cores": "64"}
        )
        execute(one)
    settings = {"other_data": False, "tolerance": 1, "as_json": False}
    reproduce(one.folder.short_hash, places(tiny), **settings)
    shown = capsys.readouterr()
    warned = shown.err.partition("repeated in")[0]
    assert "environment differs: keras was 2, is" in warned
    assert "threads differs: cores was 64, is" in warned


def test_other_reviews_are_refused_unless_asked_for(tiny, tmp_path, capsys):
    lines = [f'"review {index} was {word}",{word}ive' for index in range(60) for word in ("posit", "negat")]
    file = tmp_path / "reviews.csv"
    file.write_text("review,sentiment\n" + "\n".join(lines), encoding="utf-8")
    words = [*(word for word in tiny if not word.startswith("data.")), "data=imdb", f"data.path={file}"]
    one = done(words)
    file.write_text("review,sentiment\n" + "\n".join(lines[:-10]), encoding="utf-8")
    with pytest.raises(
        RunError, match=r"was trained on the reviews \w+, here are \w+; data\.path=FILE .* --other-data"
    ):
        again(one, words, capsys)
    assert not (tiny_root(tiny) / "reproductions").exists()
    code, verdict = again(one, words, capsys, other_data=True)
    assert code in (0, 3)
    assert verdict["verdict"] != "bit-identical"
    assert verdict["explanation"].startswith("data differs: data_hash was")


def test_what_belongs_to_the_run_cannot_be_overridden(tiny, capsys):
    one = done(tiny)
    with pytest.raises(ConfigError, match=r"seed belongs to the stored run and cannot be changed"):
        reproduce(one.folder.short_hash, [*places(tiny), "seed=4"], other_data=False, tolerance=0.01, as_json=True)


def test_a_run_that_is_not_complete_or_not_there_is_refused(tiny, capsys):
    one = done(tiny)
    (one.folder.path / "result.json").unlink()
    with pytest.raises(RunError, match="is interrupted: only a complete one can be reproduced"):
        again(one, tiny, capsys)
    with pytest.raises(RunError, match="no run '123456789012' below"):
        reproduce("123456789012", places(tiny), other_data=False, tolerance=0.01, as_json=True)


@pytest.mark.parametrize("name", ["config.json", "environment.txt", "predictions.parquet", "result.json"])
def test_a_damaged_original_is_named_and_not_compared_with(name, tiny, capsys):
    one = done(tiny)
    content = (one.folder.path / name).read_bytes()
    (one.folder.path / name).write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    with pytest.raises(DamageError, match=name):
        again(one, tiny, capsys)


def test_a_stored_config_is_data_and_of_a_known_schema(tiny):
    config = compose_config(tiny)
    stored = json.loads(identity.canonical_json(config))
    assert identity.config_hash(identity.restore(stored, compose_config([]))) == identity.config_hash(config)
    with pytest.raises(ConfigError, match="schema of the stored config must be 1, got"):
        identity.restore({**stored, "schema": 2}, config)
    with pytest.raises(ConfigError, match="_target_ is not a setting"):
        identity.restore({**stored, "_target_": "os.system"}, config)


def test_a_prefix_that_is_no_hash_reaches_no_store(tracked):
    done(tracked)
    with pytest.raises(LabError, match="is no hash: it has letters other than 0 to 9 and a to f"):
        reproduce("x' OR ''='", places(tracked), other_data=False, tolerance=0.01, as_json=True)


def test_a_store_without_its_files_is_named(tracked, tmp_path):
    one = done([*tracked, "study.name=mine"])
    shutil.rmtree(tmp_path / "artifacts")
    shutil.rmtree(one.folder.path)
    with pytest.raises(RunError, match=f"knows the run {one.folder.short_hash}, but its files are not at "):
        again(one, tracked, None)
