"""Every YAML composes, and a mistake on the command line is explained."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from sentiment_lab.cli.exit_codes import BAD_USAGE
from sentiment_lab.cli.main import main
from sentiment_lab.config.compose import compose_config
from sentiment_lab.config.fields import ConfigError
from sentiment_lab.config.hydra_errors import CALLERS
from sentiment_lab.config.job_composer import JobComposer
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.settings import RecurrentModel, architecture
from sentiment_lab.sweeps.hydra_app import run_hydra
from tests.config.composed import composed, problems_of

CONF = resource_folder("conf")
CHOICES = sorted(f"{file.parent.name}={file.stem}" for file in CONF.glob("*/*.yaml") if not file.stem.startswith("_"))
NEEDS = {"split=article": ["training=article", "data=imdb"]}
STUDIES = sorted(file.stem for file in resource_folder("experiments").glob("*.yaml"))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_of_every_group_composes(choice):
    assert composed(choice, *NEEDS.get(choice, []))


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_composes_and_names_itself(study):
    assert compose_config([f"+experiments={study}"]).study.name == study


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CONF)))
def test_yaml_holds_values_only(file: Path):
    keys = set(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    assert not {key for key in keys if str(key).startswith("_")}, "a name to import has no place in conf/"


@pytest.mark.parametrize("preset", ["simple_rnn", "gru", "lstm", "bilstm", "bigru", "stacked_lstm", "stacked_bilstm"])
def test_a_preset_is_the_architecture_it_is_called(preset):
    model = composed(f"model={preset}").model
    assert isinstance(model, RecurrentModel)
    assert architecture(model) == preset


MISTAKES = [
    (["model=lstmm"], "model must be one of bigru, bigru_matched, bilstm, gru, gru_matched,"),
    (["model=lstmm"], "got 'lstmm'; did you mean lstm?"),
    (["modle=lstm"], "modle is not a setting; did you mean model?"),
    (["model.unitz=[3]"], "model.unitz is not a setting; did you mean model.units?"),
    (["model.dropout=20"], "model.dropout must be in [0, 1), got 20"),
    (["model.cell=gruu"], "model.cell must be one of simple_rnn, gru, lstm, got 'gruu'; did you mean gru?"),
    (["model=tfidf_logistic", "model.units=[3]"], "model.units is not a setting of the chosen model"),
    (["seed=one"], "seed must be a whole number, got 'one'"),
    (["gru"], "'gru' is not an override; write key=value"),
    (["data=imdb", "data.path=a(b.csv"], "data.path: the value 'a(b.csv' cannot be read; put it in quotes"),
    (["+frobnicate=1"], "frobnicate is not a setting"),
    (["~optimizer"], "optimizer is missing"),
    (["+experiments=artikel"], "got 'artikel'; did you mean article?"),
    (["optimizer=adam", "optimizer.momentum=0.9"], "optimizer.momentum must be 0 for adam"),
    (["data=imdb", "split=article"], "training.selection must be last where split.validation_is_test is true"),
    (["split=official", "split.train=100"], "split.train must be null where split.method is official"),
    (["split.validation=0", "training.selection=last", "training.patience=2"], "training.patience must be null"),
    (["launch.minutes_per_run=5"], "launch.minutes_per_run must be null where launch.executor is inline"),
    (["training.adversarial=-0.1"], "training.adversarial must be at least 0, got -0.1"),
    (
        ["text.embedding_init=cooccurrence_nb", "model.embedding_size=1"],
        "model.embedding_size must be at least 2 where text.embedding_init is cooccurrence_nb",
    ),
    (["data.expect=12ab"], "data.expect must be a hash of 64 hexadecimal digits, got '12ab'"),
    (["seed=${nowhere}"], "Interpolation key 'nowhere' not found"),
]


@pytest.mark.parametrize(("overrides", "message"), MISTAKES)
def test_a_mistake_is_explained(overrides, message):
    assert message in "\n".join(problems_of(*overrides))


def test_the_runs_are_in_the_store_unless_another_folder_is_set():
    assert composed("paths.store=there").paths.runs == "there/runs"
    assert composed("paths.store=there", "paths.runs=here").paths.runs == "here"


@pytest.fixture
def study_file(tmp_path, monkeypatch):
    """The file of the study `mine` of the current folder."""
    (tmp_path / "experiments").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "experiments" / "mine.yaml"


def test_a_study_of_the_current_folder_is_found(study_file):
    study_file.write_text("seed: 77\nstudy: {name: mine}\n", encoding="utf-8")
    config = compose_config(["+experiments=mine"])
    assert (config.seed, config.study.name) == (77, "mine")
    study_file.write_text("seed: 78\nstudy: {name: mine}\n", encoding="utf-8")
    assert compose_config(["+experiments=mine"]).seed == 78, "an edited file is read again"


class RecordingLauncher(Launcher):
    """Runs nothing and records its arguments."""

    def setup(self, *, hydra_context, task_function, config):
        self.loader, self.config = hydra_context.config_loader, config

    def launch(self, job_overrides, initial_job_idx):
        RecordingLauncher.last = self
        self.jobs = job_overrides
        self.folder = Path(self.config.hydra.sweep.dir)
        self.folder_was_there = self.folder.is_dir()
        return [JobReturn(overrides=job, status=JobStatus.COMPLETED, _return_value=None) for job in job_overrides]


def sweep(*overrides):
    """Let Hydra parse a sweep and return the launcher that received its jobs."""
    run_hydra(["-m", *overrides], lambda composed: None, RecordingLauncher)
    return RecordingLauncher.last


@pytest.fixture(autouse=True)
def exceptions_pass_through_hydra(monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")


class CountingLoader:
    """Hydra's loader, counting how often it merges files."""

    def __init__(self, loader):
        self.loader, self.merged = loader, []

    def load_sweep_config(self, master, overrides):
        self.merged.append(overrides)
        return self.loader.load_sweep_config(master, overrides)

    def get_group_options(self, *args, **kwargs):
        return self.loader.get_group_options(*args, **kwargs)


@pytest.fixture(scope="module")
def launcher():
    return sweep()


@pytest.fixture
def loader(launcher):
    return CountingLoader(launcher.loader)


@pytest.fixture
def composer(loader, launcher):
    return JobComposer(loader, launcher.config)


@pytest.fixture(scope="module")
def used_composer(launcher):
    """One that has composed other jobs before."""
    composer = JobComposer(launcher.loader, launcher.config)
    assert composer(["seed=8", "model.dropout=0.75"]) == composed("seed=8", "model.dropout=0.75")
    return composer


JOBS = [
    [],
    ["seed=3"],
    ["model=gru", "model.dropout=0.25", "seed=3"],
    ["model.dropout=0.25", "model=gru"],
    ["model.units=[8,16]", "study.question='a, b = c'"],
    ["model={units:[8]}", "model.units=[9]"],
    ["model.units=[9]", "model={units:[8]}"],
    ["~model.units", "+model.units=[4]"],
    ["++seed=4"],
    ["+experiments=quickstart", "seed=9", "optimizer.learning_rate=0.5"],
    ["study.name=${model.cell}", "model=lstm"],
    ["optimizer=sgd", "optimizer.momentum=0.9"],
]


@pytest.mark.parametrize("overrides", JOBS, ids=" ".join)
def test_a_job_of_a_sweep_is_the_config_of_its_own_command(overrides, used_composer):
    assert used_composer(overrides) == composed(*overrides)
    assert used_composer(["seed=8"]) == composed("seed=8"), "the values of one job do not reach the next"


REFUSED = [
    *(overrides for overrides, _ in MISTAKES),
    ["+seed=1"],
    ["~model.cell=gru"],
    ["~nothing.at.all"],
    ["seed.deeper=1"],
    ["++model=gru"],
    ["model@elsewhere=gru"],
    ["seed@elsewhere=3"],
    ["hydra.nothing=1"],
]


@pytest.mark.parametrize("overrides", REFUSED, ids=" ".join)
def test_a_job_of_a_sweep_is_refused_with_the_message_of_its_own_command(overrides, used_composer):
    for _ in range(2):
        with pytest.raises(ConfigError) as within:
            used_composer(overrides)
        assert within.value.problems == problems_of(*overrides)


def test_files_are_merged_once_for_each_choice_of_groups(composer, loader):
    choices = [["model=gru"], ["model=lstm"], ["model=lstmm"], ["model=gru", "+experiments=quickstart"]]
    for seed in range(4):
        for choice in choices:
            try:
                composer([*choice, f"seed={seed}", f"model.dropout=0.{seed}"])
            except ConfigError:
                assert choice == ["model=lstmm"]
    assert loader.merged == choices


GRID = [
    [f"model={model}", f"optimizer={optimizer}", "seed=1", f"text={text}"]
    for model in ("gru", "nb_svm")
    for optimizer in ("sgd", "adam")
    for text in ("words", "article")
]


def test_a_grid_over_groups_is_put_together_from_few_merges(composer, loader):
    for job in GRID:
        assert composer(job) == composed(*job)
        assert composer([*job, "seed=2"]).seed == 2
    assert len(loader.merged) == 1 + 1 + 1 + 1


def test_choices_beside_a_study_are_those_of_their_own_command(composer):
    for job in (GRID[0], [*GRID[3], "+experiments=quickstart"], [*GRID[6], "+experiments=quickstart"], GRID[-1]):
        assert composer(job) == composed(*job)


def test_a_choice_that_changes_more_than_its_group_is_merged_with_the_others(launcher):
    class Meddling(CountingLoader):
        def load_sweep_config(self, master, overrides):
            merged = super().load_sweep_config(master, overrides)
            if "optimizer=sgd" in overrides:
                merged.model.dropout = 0.625
            return merged

    composer = JobComposer(Meddling(launcher.loader), launcher.config)
    composer(["model=gru", "optimizer=adam"])
    assert composer(["model=gru", "optimizer=sgd"]).model.dropout == 0.625
    assert composer(["model=lstm", "optimizer=sgd"]).model.dropout == 0.625


def test_a_sweep_reaches_the_launcher_complete_and_unchecked():
    jobs = sweep("model=gru,lstm", "seed=range(1,3)", "modle=3,4").jobs
    assert len(jobs) == 8
    assert jobs[0] == ["model=gru", "seed=1", "modle=3"]
    assert jobs[-1] == ["model=lstm", "seed=2", "modle=4"]


def test_a_study_lists_jobs_and_the_command_line_has_the_last_word():
    jobs = sweep("+experiments=quickstart", "seed=7").jobs
    assert jobs[0] == ["model=simple_rnn", "seed=7", "+experiments=quickstart"]
    assert len(jobs) == 5


def test_any_other_launcher_gets_jobs_that_compose():
    started = []
    with pytest.raises(ConfigError, match="modle is not a setting; did you mean model"):
        run_hydra(["-m", "hydra/launcher=basic", "modle=1,2"], started.append, RecordingLauncher)
    assert not started


@pytest.mark.parametrize("chosen", ["hydra/launcher=basic", "hydra/sweeper=basic", "hydra/sweeper=sentiment_lab"])
def test_a_sweep_leaves_no_folder_behind(chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_hydra(["-m", chosen, "seed=1,2"], lambda composed: None, RecordingLauncher)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "override",
    [
        "+hydra.callbacks.mine._target_=os.system",
        "+hydra.launcher.mine._target_=os.system",
        "+hydra.sweeper.params.a={_target_: os.system}",
        "hydra.launcher._target_=os.system",
    ],
)
def test_an_override_that_names_code_is_refused_before_anything_runs(override):
    started = []
    with pytest.raises(ConfigError, match="names code for Hydra to call"):
        run_hydra(["-m", override, "seed=1,2"], started.append, RecordingLauncher)
    assert not started


def test_float_ranges_have_the_values_that_are_meant():
    launcher = sweep("optimizer.learning_rate=range(0.1,0.4,0.1)", "model.dropout=range(0,0.5,0.1)", "seed=range(3)")
    words = {word for job in launcher.jobs for word in job}
    rates = {f"optimizer.learning_rate={value}" for value in ("0.1", "0.2", "0.3")}
    dropouts = {f"model.dropout={value}" for value in ("0.0", "0.1", "0.2", "0.3", "0.4")}
    assert words == rates | dropouts | {"seed=0", "seed=1", "seed=2"}


@pytest.mark.parametrize(
    "study", ["hydra: {run: {dir: there}}", "hydra: {job: {chdir: true}}", "hydra: {sweep: {dir: a, subdir: b}}"]
)
def test_a_study_that_moves_the_output_is_refused(study, study_file):
    study_file.write_text(study)
    with pytest.raises(ConfigError, match="must not be set: a run's folder is"):
        compose_config(["+experiments=mine"])


@pytest.mark.parametrize(
    "study", ["hydra: {callbacks: {a: {_target_: os.system}}}", "hydra: {launcher: {_target_: a.b}}"]
)
def test_a_study_that_names_code_is_refused(study, study_file):
    study_file.write_text(study)
    with pytest.raises(ConfigError, match="names code for Hydra to call"):
        compose_config(["+experiments=mine"])


def test_the_folder_of_a_sweep_exists_as_long_as_the_sweep():
    launcher = sweep("seed=1,2")
    assert launcher.folder_was_there
    assert not launcher.folder.exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["=3"], "'=3' names no setting; write key=value"),
        (["seed=1", "+={a: 3}"], "'+={a: 3}' names no setting"),
        (["model=null"], "tfidf_logistic, got null"),
        (["model=0.5"], "tfidf_logistic, got 0.5"),
        (["model=[0.5]"], "tfidf_logistic, got [0.5]"),
        (["model=[lstm,gru]"], "model must be one of bigru, bigru_matched, bilstm, gru, gru_matched,"),
        (["model=[lstm,gru]"], "got a list of them"),
        (["seed=1,2"], "seed=1,2 is more than one value; `sentiment-lab train -m` makes a sweep of them"),
        (["seed=range(1,3)"], "seed=range(1,3) is more than one value"),
        (["seed=" + "1" * 5000], "seed: the value '111"),
        (["model.dropout=" + "[" * 600 + "]" * 600], "model.dropout: the value '[[["),
        (["model.dropout=" + "x" * 100_000], "model.dropout must be a number, got 'xxx"),
        (["x" * 1000 + "=1"], "x is not a setting"),
        (["seed=\x1b[31m"], r"seed: the value '\x1b[31m' cannot be read"),
        (["split.seed=4294967296"], "split.seed must be in [0, 2^32), got 4294967296"),
        (["study.name="], "study.name must be one line of 1 to 250 characters, got ''"),
        (["paths.runs="], "paths.runs must be a path, got ''"),
        (["paths.runs=a/" + "x" * 256], "paths.runs must be a path of names of at most 255 bytes"),
        (["data=imdb", 'data.path="' + "é" * 128 + '.csv"'], "must be a path of names of at most 255 bytes"),
        (["data=imdb", "data.path=h#x.csv"], """put it in quotes: 'data.path="h#x.csv"'"""),
        (["data=imdb", "data.path={br}.csv"], """put it in quotes: 'data.path="{br}.csv"'"""),
        (["data=imdb", 'data.path=q"q.csv'], r"""put it in quotes: 'data.path="q\"q.csv"'"""),
        (["split.train=0"], "split.train must be above 0, got 0"),
        (["split.validation=0.5", "split.test=0.5"], "split.validation + split.test must leave reviews to train"),
        (["split.validation=1e-5"], "split.validation must be 0 or amount to at least one of 20000 reviews, got 1e-05"),
        (["split=article", "training=article"], "split.train must be 15000 where split.validation"),
        (["split.train=100"], "split.train must be 14000 or null, which takes the rest"),
    ],
)
def test_what_hydra_accepts_or_fails_at_is_one_short_line(overrides, message):
    (problem,) = problems_of(*overrides)
    assert message in problem
    assert len(problem) < 1000
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- seed: 3\n", "mine.yaml must be a group of settings"),
        (b"seed 3\n", "mine.yaml must be a group of settings"),
        (b"3\n", "mine.yaml must be a group of settings"),
        (b"seed: [1,", "mine.yaml cannot be read as YAML"),
        (b"seed: !include other.yaml\n", "mine.yaml cannot be read as YAML"),
        (b"seed: 3\nseed: 4\n", "mine.yaml cannot be read as YAML: while constructing a mapping"),
        ("study: {name: größe}\n".encode("latin-1"), "mine.yaml must be saved as UTF-8; its byte 17 is"),
        (b"\xff\xfe\x00", "mine.yaml must be saved as UTF-8"),
        (b"study:\n\tname: x\n", "mine.yaml cannot be read as YAML"),
        (b"study: !!python/object:os.x {}\n", "mine.yaml cannot be read as YAML"),
        (b"!!set {seed}\n", "mine.yaml cannot be read as YAML"),
        (b"study: &a {name: *a}\n", "mine.yaml must hold at most 10,000 values"),
        (b"study: " + b"[" * 1500, "mine.yaml cannot be read as YAML: it is nested too deeply"),
        (b"model: 3\n", "model must be a group of settings, got 3 in "),
        (b"model: {units: {a: 3}}\n", "model.units must be one value, got {'a': 3} in "),
        (b"3: 1\n", "3 is not a setting"),
        (b"defaults: 3\n", "Invalid defaults list in 'experiments/mine'"),
        (b"defaults: [3]\n", "+experiments=mine: cannot be composed"),
        (b"defaults: [/experiments: mine]\n", "+experiments=mine: cannot be composed: it is nested too deeply"),
    ],
)
def test_a_study_that_cannot_be_used_is_named(content, message, study_file):
    study_file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        compose_config(["+experiments=mine"])
    assert message in str(caught.value)
    if "mine.yaml" in message:
        assert composed("seed=3").seed == 3, "nothing else is affected"


def test_only_the_chosen_study_has_to_be_readable(study_file):
    study_file.write_text("seed: !include other.yaml\n", encoding="utf-8")
    study_file.with_name("good.yaml").write_text("seed: 78\n", encoding="utf-8")
    study_file.with_name("._good.yaml").write_bytes(b"\0\5\x16\7")
    study_file.with_name("folder.yaml").mkdir()
    study_file.with_name("quickstart.yaml").write_text("\t", encoding="utf-8")
    assert composed("+experiments=good").seed == 78
    with pytest.raises(ConfigError, match=r"folder\.yaml cannot be read"):
        composed("+experiments=folder")
    with pytest.raises(ConfigError, match=r"quickstart\.yaml cannot be read"):
        composed("+experiments=quickstart")
    with pytest.raises(ConfigError, match="good, ") as caught:
        composed("+experiments=goof")
    assert "._good" not in str(caught.value)


def test_aliases_of_aliases_are_counted_without_being_expanded(study_file):
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    study_file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.yaml must hold at most 10,000 values"):
        compose_config(["+experiments=mine"])


def test_fractions_that_add_up_to_one_are_accepted_however_they_round():
    split = composed("split.train=0.33", "split.validation=0.56", "split.test=0.11").split
    assert (split.train, split.validation, split.test) == (0.33, 0.56, 0.11)


@pytest.mark.parametrize(
    "arguments",
    [
        ["model=[lstm,gru]"],
        ["model=0"],
        ["split.test=" + "[" * 600 + "]" * 600],
        ["key" * 1000 + "=1"],
        ["-m", "seed=range(2,1)"],
        ["-m", "seed=1", "model=null,lstm"],
    ],
)
def test_a_command_line_that_cannot_be_run_ends_before_anything_is_written(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["train", *arguments])
    shown = capsys.readouterr().err
    assert ended.value.code == BAD_USAGE
    assert arguments[-1].partition("=")[0][:100] in shown
    assert "Traceback" not in shown
    assert not list(tmp_path.iterdir())


def read_json(text):
    json.loads(text)


def parse_override(text):
    OverridesParser.create().parse_override(text)


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (lambda: read_json("no JSON"), json.JSONDecodeError),  # raised in the standard library
        (lambda: parse_override("seed=" + "1" * 5000), ValueError),  # raised in Hydra
    ],
)
def test_an_error_of_the_task_passes_through(fail, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        run_hydra(["seed=3"], lambda composed: fail(), RecordingLauncher)
    assert not isinstance(caught.value, ConfigError)


def test_the_modules_that_call_hydra_exist():
    assert all(importlib.util.find_spec(name) for name in CALLERS)


def test_settings_of_networks_in_a_study_leave_a_linear_baseline_unchanged():
    assert composed("+experiments=quickstart", "model=nb_svm").model.family == "nb_svm"
    for overrides in (["+experiments=quickstart", "model=nb_svm", "++model.units=[3]"], ["model=gru", "+model.C=3"]):
        assert "is not a setting" in problems_of(*overrides)[0]
