"""A run is reproduced from its hash alone, and the verdict is correct."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from sentiment_lab.analysis.predictions import read_test_predictions
from sentiment_lab.analysis.reproduction import compare_runs
from sentiment_lab.base.errors import LabError
from sentiment_lab.base.files import DamageError
from sentiment_lab.cli.main import main
from sentiment_lab.cli.reproduce import reproduce
from sentiment_lab.config import identity
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.identity import config_hash
from sentiment_lab.data.reviews import DataError
from sentiment_lab.data.sources import locate
from sentiment_lab.models import recurrent
from sentiment_lab.runs.folder import RunError, RunFolder
from sentiment_lab.runs.provenance import Difference, most_likely_first
from sentiment_lab.runs.published import PublishedRun, find_published, lines_of
from sentiment_lab.runs.reproduction import Verdict, read_verdict
from sentiment_lab.runs.seeds import KnownSeeds, known_seeds
from sentiment_lab.sweeps import execution
from sentiment_lab.sweeps.execution import execute
from sentiment_lab.sweeps.preparation import Preparation
from sentiment_lab.tracking.store import open_store
from tests.tiny import LINEAR, TINY, job_of, locations, only_locations, write_reviews


@dataclass(frozen=True)
class Shifted:
    """A run whose losses and accuracies are those of another one plus a constant, as a known seed."""

    run: RunFolder
    shift: float

    def __getattr__(self, name):
        return getattr(self.run, name)

    def events(self):
        return [
            {key: value + self.shift if isinstance(value, float) else value for key, value in event.items()}
            for event in self.run.events()
        ]

    def result(self):
        result = self.run.result()
        test = replace(result.test, accuracy=result.test.accuracy + self.shift, loss=result.test.loss + self.shift)
        return replace(result, test=test)


def narrow(run):
    """Return known seeds that hardly differ from a run."""
    return KnownSeeds([Shifted(run, shift) for shift in (-2e-7, -1e-7, 1e-7, 2e-7)])


SAME = ("weights", "predictions", "epochs")


def again(one, capsys, **options):
    """Reproduce a run; return exit code and the printed document."""
    settings = {"other_data": False, "tolerance": 0.01, "as_json": True, **options}
    capsys.readouterr()
    code = reproduce(one.folder.short_hash[:8], only_locations(one.overrides), **settings)
    return code, json.loads(capsys.readouterr().out)


def root_of(one):
    return Path(one.config.paths.store)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cache):
    """The root of a complete run of a linear model."""
    root = tmp_path_factory.mktemp("trained")
    execute(job_of([*LINEAR, "tracking=none", *locations(root, cache)], "nb_svm"))
    return root


@pytest.fixture
def one(trained, tmp_path, cache):
    """The complete run in a folder that a test may change."""
    root = shutil.copytree(trained, tmp_path / "copy")
    return job_of([*LINEAR, "tracking=none", *locations(root, cache)], "nb_svm")


@pytest.fixture(scope="module")
def network(tmp_path_factory, cache):
    """A complete run of a network."""
    root = tmp_path_factory.mktemp("network")
    job = job_of([*TINY, "model=simple_rnn", "tracking=none", *locations(root, cache)], "simple_rnn")
    execute(job)
    return job


@pytest.fixture(scope="module")
def other(network, tmp_path_factory):
    """The run folder of the same network trained with other random numbers, as another library would give."""
    paths = replace(network.config.paths, runs=str(tmp_path_factory.mktemp("other")))
    job = replace(network, config=replace(network.config, paths=paths))
    seed = recurrent._seed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent, "_seed", lambda number, name: seed(number + 1, name))
        execute(job)
    return job.folder


def test_a_network_is_reproduced_bit_identically_and_both_folders_have_the_verdict(network, capsys):
    code, verdict = again(network, capsys)
    assert code == 0
    assert verdict["verdict"] == "bit-identical"
    assert [verdict[f"same_{what}"] for what in SAME] == [True, True, True]
    assert verdict["largest_difference"] == 0
    assert read_verdict(network.folder)["verdict"] == "bit-identical"
    repeated = root_of(network) / "reproductions" / "1" / network.folder.short_hash
    assert (repeated / "reproduction.json").read_text() == (network.folder.path / "reproduction.json").read_text()


def test_each_reproduction_has_a_separate_folder_and_an_interrupted_one_is_resumed(one, capsys, monkeypatch):
    assert again(one, capsys)[1]["verdict"] == "bit-identical"
    with monkeypatch.context() as patch:
        patch.setattr("sentiment_lab.runs.writing._table", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again(one, capsys)
    root = root_of(one) / "reproductions"
    assert {path.name for path in root.iterdir()} == {"1", "2"}
    assert again(one, capsys)[1]["again"].startswith(f"{root}/2/")
    assert again(one, capsys)[1]["again"].startswith(f"{root}/3/")


def test_the_store_alone_is_enough(tracked_linear, tmp_path, capsys):
    one = job_of([*tracked_linear, "tracking.model=false", "study.name=mine"], "nb_svm")
    execute(one)
    shutil.rmtree(tmp_path / "runs")
    code, verdict = again(one, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    store = open_store(one.config.tracking, one.config.paths)
    runs = {run.info.run_name: run for run in store.search("tags.study = 'mine'")}
    assert runs.keys() == {"nb_svm seed=0", "reproduction of nb_svm seed=0"}
    for run in runs.values():
        assert run.data.tags["reproduction"] == "bit-identical"
        assert "run/reproduction.json" in {item.path for item in store.client.list_artifacts(run.info.run_id, "run")}
    assert runs["reproduction of nb_svm seed=0"].data.tags["reproduces"] == identity.config_hash(one.config)


@pytest.fixture
def published(one, tmp_path, monkeypatch):
    """A run of which only the published record is left, in another folder."""
    page = tmp_path / "elsewhere" / "experiments" / "answer"
    page.mkdir(parents=True)
    (page / "mine.jsonl").write_text(lines_of([one.folder]), encoding="utf-8")
    shutil.rmtree(one.folder.path.parent)
    monkeypatch.chdir(tmp_path / "elsewhere")
    return one


def record_of(tmp_path):
    return tmp_path / "elsewhere" / "experiments" / "answer" / "mine.jsonl"


def test_a_published_record_is_enough(published, tmp_path, capsys):
    text = record_of(tmp_path).read_text(encoding="utf-8")
    assert str(tmp_path) not in text, "a record holds no path of the machine"
    code, verdict = again(published, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    assert [verdict[f"same_{what}"] for what in SAME] == [True, True, True]
    assert verdict["original"].endswith("mine.jsonl")


def test_a_published_record_detects_a_different_reproduction(network, other, tmp_path, monkeypatch):
    page = tmp_path / "experiments" / "answer"
    page.mkdir(parents=True)
    (page / "mine.jsonl").write_text(lines_of([network.folder]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    record = find_published(network.folder.short_hash)
    verdict = compare_runs(record, other, [], 0.0, deterministic=True, known=narrow(network.folder))
    assert (verdict.verdict, verdict.same_weights, verdict.same_predictions) == ("diverged", False, False)
    assert compare_runs(record, network.folder, [], 0.0, deterministic=True).verdict == "bit-identical"


def test_of_records_from_two_machines_the_one_like_this_is_compared(published, tmp_path, capsys):
    mine = record_of(tmp_path)
    foreign = json.loads(mine.read_text(encoding="utf-8"))
    foreign["environment"]["processor"], foreign["predictions"] = "another", "0" * 64
    for name in ("a", "z"):
        mine.with_stem(name).write_text(json.dumps(foreign), encoding="utf-8")
    code, verdict = again(published, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    assert verdict["original"].endswith("mine.jsonl")


def test_an_unreadable_record_is_named(published, tmp_path, capsys):
    file = record_of(tmp_path)
    file.write_text(file.read_text(encoding="utf-8")[:200], encoding="utf-8")
    with pytest.raises(DamageError, match=r"mine\.jsonl: a line cannot be read"):
        again(published, capsys)


def test_a_difference_beyond_the_tolerance_is_a_divergence_at_its_epoch(network, other):
    verdict = compare_runs(network.folder, other, [], 0.0, deterministic=True, known=narrow(network.folder))
    assert (verdict.verdict, verdict.epoch) == ("diverged", 1)
    assert verdict.largest_difference > 0
    assert verdict.where.startswith(("epoch", "test_"))
    assert str(verdict).startswith("diverged at epoch 1: test accuracy differs by ")


def test_a_difference_below_the_tolerance_is_reported_with_its_size(network, other):
    verdict = compare_runs(network.folder, other, [], 1.0, deterministic=True)
    assert (verdict.verdict, verdict.epoch, verdict.same_weights) == ("within tolerance", None, False)
    assert verdict.explanation == "no recorded difference explains it"
    assert f"the largest difference is {verdict.largest_difference:.3g} in {verdict.where} (" in str(verdict)


def test_the_most_likely_cause_explains_a_difference(network, other):
    known = [Difference("threads", "cores", "64", "2"), Difference("environment", "keras", "2", "3")]
    verdict = compare_runs(network.folder, other, known, 1.0, deterministic=True)
    assert verdict.explanation == "environment differs: keras was 2, is 3"
    assert verdict.layers == ["environment differs: keras was 2, is 3", "threads differs: cores was 64, is 2"]
    assert compare_runs(network.folder, other, [], 1.0, deterministic=False).explanation.startswith("training.deter")


def test_numbers_that_no_rounding_changes_are_a_divergence_whatever_the_tolerance(network, tmp_path):
    copy = RunFolder(shutil.copytree(network.folder.path, tmp_path / network.folder.short_hash))
    record = PublishedRun(json.loads(lines_of([copy])), tmp_path / "mine.jsonl")
    for event in record.plain["events"]:
        if event["event"] == "data":
            event["parts"]["train"]["tokens"] += 7
    record.plain["result"]["weights_digest"] = "0" * 64
    verdict = compare_runs(record, copy, [], 1.0, deterministic=True)
    assert verdict.verdict == "diverged"
    (line,) = verdict.exact
    assert line.startswith("train.tokens was ")
    assert "no rounding changes this: train.tokens was " in verdict.report()
    assert str(verdict).startswith("diverged in numbers that no rounding changes: ")
    assert verdict.explanation == "data or code changed without a record of it"


def test_with_known_seeds_a_run_like_another_seed_is_equivalent(network, other):
    known = KnownSeeds([Shifted(network.folder, shift) for shift in (-0.2, -0.1, 0.1, 0.2)])
    verdict = compare_runs(network.folder, other, [], 0.0, deterministic=True, known=known)
    assert (verdict.verdict, verdict.seeds, verdict.paired) == ("statistically equivalent", 4, True)
    assert "standard deviations are those of the 5 known seeds of this variant" in verdict.report()
    with_study = compare_runs(
        network.folder, other, [], 0.0, deterministic=True, known=KnownSeeds(known.seeds, [known.seeds] * 2)
    )
    assert with_study.verdict == "statistically equivalent"
    assert with_study.report().count("5 known seeds of this variant and 2 other variants of its study") == 1
    assert "every loss and accuracy lies within the seeds' band" in verdict.report()
    verdict = compare_runs(network.folder, other, [], 0.0, deterministic=True, known=narrow(network.folder))
    assert (verdict.verdict, verdict.epoch) == ("diverged", 1)
    assert verdict.outside[0].startswith("epoch 1 ")


def test_a_verdict_of_an_earlier_version_is_shown(network):
    fields = ("verdict", "epoch", "largest_difference", "where", "explanation", "layers", "tolerance")
    old = {**{f"same_{what}": False for what in SAME}, **dict.fromkeys(fields, None)}
    old |= {"verdict": "within tolerance", "largest_difference": 0.5, "where": "test_loss", "tolerance": 1.0}
    assert str(Verdict.from_plain(old)).startswith("within tolerance: the largest difference is 0.5 in test_loss (")


def test_the_order_of_causes_depends_on_the_size_of_the_difference():
    causes = [Difference(name, "x", "1", "2") for name in ("processor", "code", "data")]
    jump, rounding = (most_likely_first(causes, rounding=rounding) for rounding in (False, True))
    assert [cause.category for cause in jump] == ["data", "code", "processor"]
    assert [cause.category for cause in rounding] == ["data", "processor", "code"]


def test_other_seeds_come_from_folders_and_pages(network, tmp_path, monkeypatch):
    jobs = [replace(network, config=replace(network.config, seed=seed)) for seed in (1, 2)]
    for job in jobs:
        execute(job)
    page = tmp_path / "experiments" / "answer"
    page.mkdir(parents=True)
    (page / "mine.jsonl").write_text(lines_of([jobs[1].folder]), encoding="utf-8")
    shutil.rmtree(jobs[1].folder.path)
    monkeypatch.chdir(tmp_path)
    known = known_seeds(network.folder, network.folder.path.parent)
    assert known.study == []
    assert [run.short_hash for run in known.seeds] == [job.folder.short_hash for job in jobs]
    np.testing.assert_array_equal(known.seeds[0].predicted_labels(), jobs[0].folder.predicted_labels())


def test_a_published_record_keeps_the_predicted_labels(network, tmp_path):
    predicted = read_test_predictions(network.folder).probabilities > 0.5
    record = PublishedRun(json.loads(lines_of([network.folder])), tmp_path / "mine.jsonl")
    np.testing.assert_array_equal(record.predicted_labels(), predicted)
    broken = PublishedRun({**record.plain, "predicted": "9999:AAAA"}, record.file)
    with pytest.raises(DamageError, match=r"mine\.jsonl: the predicted labels of run .* cannot be read"):
        broken.predicted_labels()
    del record.plain["predicted"]
    assert record.predicted_labels() is None


def test_reviews_are_not_downloaded_without_consent(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(locate, "download", lambda cache: pytest.fail("downloaded"))
    words = [*locations(tmp_path, tmp_path / "cache"), "tracking=none"]
    with pytest.raises(SystemExit) as end:
        main(["reproduce", "574300f35f91", *words])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "run 574300f35f91 needs the IMDB reviews (84 MB" in line
    assert line.endswith("add --yes to download them, or data.path=PATH to use a copy")


def test_reviews_are_downloaded_with_consent(tmp_path, monkeypatch):
    def download(cache):
        raise DataError(f"asked for {cache}")

    monkeypatch.setattr(locate, "download", download)
    words = [*locations(tmp_path, tmp_path / "cache"), "tracking=none"]
    with pytest.raises(DataError, match=f"asked for {tmp_path}/cache"):
        reproduce("574300f35f91", words, yes=True)


@pytest.mark.parametrize(("answer", "error"), [("y\n", "asked"), ("\n", "nothing was downloaded"), ("n\n", "nothing")])
def test_in_a_terminal_the_download_is_asked_for(answer, error, tmp_path, monkeypatch, capsys):
    def download(cache):
        raise DataError("asked")

    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr(locate, "download", download)
    with pytest.raises(LabError, match=error):
        reproduce("574300f35f91", [*locations(tmp_path, tmp_path / "cache"), "tracking=none"])
    assert capsys.readouterr().err.endswith("Download and run? [y/N] ")


def test_a_divergence_exits_with_code_3(network, capsys, monkeypatch):
    seed = recurrent._seed
    monkeypatch.setattr(recurrent, "_seed", lambda number, name: seed(number + 1, name))
    monkeypatch.setattr("sentiment_lab.runs.seeds.known_seeds", lambda original, root: narrow(original))
    code, verdict = again(network, capsys, tolerance=0)
    assert (code, verdict["verdict"]) == (3, "diverged")


def test_differences_of_environment_are_printed_before_training(linear, capsys, monkeypatch):
    one, real = job_of(linear), execution.environment
    with monkeypatch.context() as patch:
        patch.setattr(execution, "environment", lambda threads: {**real(threads), "keras": "2", "cores": "64"})
        execute(one)
    reproduce(one.folder.short_hash, only_locations(linear), other_data=False, tolerance=1, as_json=False)
    lines = capsys.readouterr().err.splitlines()
    (keras,) = (number for number, line in enumerate(lines) if "environment differs: keras was 2, is" in line)
    (cores,) = (number for number, line in enumerate(lines) if "threads differs: cores was 64, is" in line)
    (training,) = (number for number, line in enumerate(lines) if "repeated in" in line)
    assert max(keras, cores) < training


def test_other_reviews_are_refused_unless_requested(tmp_path, cache, capsys):
    lines = [f'"review {index} was {word}",{word}ive' for index in range(60) for word in ("posit", "negat")]
    file = tmp_path / "reviews.csv"
    file.write_text("review,sentiment\n" + "\n".join(lines), encoding="utf-8")
    one = job_of(["model=nb_svm", "data=imdb", f"data.path={file}", "tracking=none", *locations(tmp_path, cache)])
    execute(one)
    file.write_text("review,sentiment\n" + "\n".join(lines[:-10]), encoding="utf-8")
    with pytest.raises(RunError, match=r"was trained on .* data\.path=FILE .* --other-data"):
        again(one, capsys)
    assert not (root_of(one) / "reproductions").exists()
    code, verdict = again(one, capsys, other_data=True)
    assert code in (0, 3)
    assert verdict["verdict"] != "bit-identical"
    assert verdict["explanation"].startswith("data differs: data_hash was")


def test_another_order_of_the_reviews_is_refused_where_the_split_depends_on_it(tmp_path, cache, capsys):
    file = write_reviews(tmp_path / "reviews.csv")
    sizes = ["split=article", "split.train=90", "split.test=30"]
    words = ["model=nb_svm", "data=imdb", f"data.path={file}", "tracking=none", *locations(tmp_path, cache), *sizes]
    one = job_of(words)
    execute(one)
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([header, *reversed(rows)]), encoding="utf-8")
    with pytest.raises(RunError, match=r"another split of the same reviews: .* data\.path=FILE .* --other-data"):
        again(one, capsys)
    assert not (root_of(one) / "reproductions").exists()


@pytest.mark.parametrize("pinned", [True, False])
def test_a_run_on_own_reviews_keeps_its_hash_in_a_reproduction(pinned, tmp_path, cache, capsys):
    file = write_reviews(tmp_path / "reviews.csv")
    words = ["model=nb_svm", "data=imdb", f"data.path={file}", "tracking=none", *locations(tmp_path, cache)]
    one = job_of(words)  # without data.expect, as earlier versions stored it
    one = replace(one, config=Preparation()(one.config)) if pinned else one
    assert (one.config.data.expect is not None) == pinned
    execute(one)
    code, verdict = again(one, capsys)
    assert (code, verdict["verdict"]) == (0, "bit-identical")
    assert verdict["config_hash"] == config_hash(one.config)
    write_reviews(file, count=100)
    with pytest.raises(RunError, match=r"was trained on .* data\.path=FILE .* --other-data"):
        again(one, capsys)
    _, verdict = again(one, capsys, other_data=True)
    assert verdict["explanation"].startswith("data differs: data_hash was")


def test_settings_of_the_run_cannot_be_overridden(one):
    words = [*only_locations(one.overrides), "seed=4"]
    with pytest.raises(ConfigError, match=r"seed belongs to the stored run and cannot be changed"):
        reproduce(one.folder.short_hash, words, other_data=False, tolerance=0.01, as_json=True)


def test_a_run_that_is_incomplete_or_unknown_is_refused(one, capsys):
    (one.folder.path / "result.json").unlink()
    with pytest.raises(RunError, match="is interrupted, and only a complete run can be reproduced"):
        again(one, capsys)
    with pytest.raises(RunError, match="no run '123456789012' below"):
        reproduce("123456789012", only_locations(one.overrides), other_data=False, tolerance=0.01, as_json=True)


@pytest.mark.parametrize("name", ["config.json", "environment.txt", "predictions.parquet", "result.json"])
def test_a_damaged_original_is_named_and_not_compared(name, one, capsys):
    content = (one.folder.path / name).read_bytes()
    (one.folder.path / name).write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    with pytest.raises(DamageError, match=name):
        again(one, capsys)


def test_a_stored_config_is_data_and_of_a_known_schema(tiny):
    config = compose_config(tiny)
    stored = json.loads(identity.canonical_json(config))
    assert identity.config_hash(identity.restore(stored, compose_config([]))) == identity.config_hash(config)
    with pytest.raises(ConfigError, match="schema of the stored config must be 1, got"):
        identity.restore({**stored, "schema": 2}, config)
    with pytest.raises(ConfigError, match="_target_ is not a setting"):
        identity.restore({**stored, "_target_": "os.system"}, config)


def test_a_prefix_that_is_no_hash_reaches_no_store(tracked_linear):
    with pytest.raises(LabError, match="is not a hash: it may contain only 0 to 9 and a to f"):
        reproduce("x' OR ''='", only_locations(tracked_linear), other_data=False, tolerance=0.01, as_json=True)


def test_a_store_without_its_files_is_reported(tracked_linear, tmp_path, capsys):
    one = job_of([*tracked_linear, "tracking.model=false", "study.name=mine"])
    execute(one)
    shutil.rmtree(tmp_path / "artifacts")
    shutil.rmtree(one.folder.path)
    with pytest.raises(RunError, match=f"has the run {one.folder.short_hash}, but its files are not at "):
        again(one, capsys)
