"""From YAML files and overrides to a checked Config, by Hydra."""

from __future__ import annotations

import errno
import functools
import itertools
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import hydra
import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sentiment_lab.config import Config, ModelConfig, config_from_plain
from sentiment_lab.identity import PACKAGE
from sentiment_lab.schema import ConfigError, did_you_mean, discriminator, field_types, setting_names

VERSION_BASE = "1.3"
STUDY_LIMIT = 10_000
"""Values of a study."""
_HYDRAS = {"hydra", "omegaconf", "antlr4", "yaml", "packaging", *sys.stdlib_module_names}
"""Packages that compose a config, and what they call."""
_OPTION = re.compile(r"[a-z_]+=\w+")
"""The choice of a group's option, without what would put it elsewhere."""
CONFIG_NAME = "config"
LAUNCHER = "hydra_plugins.sentiment_lab.SweepLauncher"
"""Name of the launcher in the config: Hydra takes plugins of this namespace alone, though no such package exists."""
SWEEPER = "hydra_plugins.sentiment_lab.GridSweeper"
"""Name of the sweeper in the config."""
SEARCHER = "hydra_plugins.sentiment_lab.SearchSweeper"
"""Name of the sweeper that searches in the config."""


def resource_folder(name: str) -> Path:
    """Return `conf/` or `experiments/`: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def register_configs() -> None:
    """Make our launcher, our sweeper and the studies known to Hydra: this project's and those of `./experiments/`.

    Raises ConfigError for a study that is no YAML, naming the file.
    """
    store = ConfigStore.instance()
    store.store(group="hydra/launcher", name="sentiment_lab", node={"_target_": LAUNCHER})
    store.store(group="hydra/sweeper", name="sentiment_lab", node=BasicSweeperConf(_target_=SWEEPER))
    store.store(group="hydra/sweeper", name="sentiment_lab_optuna", node={"_target_": SEARCHER, "params": None})
    for folder in dict.fromkeys((resource_folder("experiments"), Path.cwd() / "experiments")):
        for file in sorted(folder.glob("*.yaml")):
            store.store(group="experiments", name=file.stem, node=_study(file), package="_global_")


def _study(file: Path) -> Any:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"))
        if _is_larger(root, STUDY_LIMIT):
            raise ConfigError([f"{file} must hold at most {STUDY_LIMIT:,} values, with those that aliases repeat"])
        if not isinstance(root, yaml.MappingNode | None):
            raise ConfigError([f"{file} must be a group of settings, such as `seed: 3`"])
        study = OmegaConf.load(file)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ConfigError([f"{file} cannot be read as YAML: {' '.join(str(error).split())}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{file} cannot be read as YAML: it is nested too deeply"]) from error
    problems = list(_shape_problems(OmegaConf.to_container(study, resolve=False), ""))
    if problems:
        raise ConfigError([f"{problem} in {file}" for problem in problems])
    return study


def _shape_problems(plain: Any, prefix: str) -> Iterator[str]:
    """Tell which keys hold a group where a value belongs, or the reverse; what merges them would name neither."""
    groups = {key.rpartition(".")[0] for key in setting_names(Config)}
    for name, value in plain.items():
        key = f"{prefix}{name}"
        is_group = isinstance(value, dict)
        if is_group and key in groups:
            yield from _shape_problems(value, f"{key}.")
        elif is_group != (key in groups) and key in setting_names(Config):
            yield f"{key} must be {'one value' if is_group else 'a group of settings'}, got {value!r}"


def _is_larger(root: yaml.Node | None, limit: int) -> bool:
    """Tell whether a document has more nodes than that: aliases of aliases are few words and may be without end."""
    waiting = [root] if root else []
    for _ in range(limit):
        if not waiting:
            return False
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += itertools.chain.from_iterable(node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return True


def compose_config(overrides: Sequence[str] = ()) -> Config:
    """Compose and check the config that `sentiment-lab train OVERRIDES` would run.

    Raises ConfigError with one line for each problem.
    """
    register_configs()
    with explained(overrides), hydra.initialize_config_dir(str(resource_folder("conf")), version_base=VERSION_BASE):
        return config_from_hydra(hydra.compose(CONFIG_NAME, list(overrides), return_hydra_config=True))


def config_from_hydra(composed: DictConfig) -> Config:
    """Turn what Hydra composed into a checked Config.

    Raises ConfigError for unknown keys and for values against a rule.
    """
    with explained():
        return _checked(_settings(composed), _task_words(composed))


def _settings(composed: DictConfig) -> DictConfig:
    """Return a copy of what Hydra composed, without what is Hydra's own."""
    _check_choices(composed)
    # A key that is no text is kept too, to be refused by its name.
    ours: list[Any] = [key for key in composed if key != "hydra"]
    return OmegaConf.masked_copy(composed, ours)


def _hydras(composed: DictConfig) -> Any:
    return composed.hydra if "hydra" in composed else HydraConfig.get()  # of a single run it was taken out before


def _task_words(composed: DictConfig) -> list[str]:
    words: Any = OmegaConf.to_container(_hydras(composed).overrides.task, resolve=False)
    return [str(word) for word in words]


def _check_choices(composed: DictConfig) -> None:
    """Refuse a list of options: Hydra would merge them, and which value wins is in no file."""
    hydras, words = _hydras(composed), _task_words(composed)
    taken_out = {word.lstrip("~").partition("=")[0] for word in words if word.startswith("~")}
    lists = {str(key): _options(str(key)) for key in composed if key not in {*hydras.runtime.choices, *taken_out}}
    problems = [f"{key} must be one of {', '.join(names)}, got a list of them" for key, names in lists.items() if names]
    if problems:
        raise ConfigError(problems)


def _checked(settings: DictConfig, words: Sequence[str]) -> Config:
    plain: Any = OmegaConf.to_container(settings, resolve=True)
    return config_from_plain(_fitting_model(plain, words))


def _fitting_model(plain: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Leave out what a study says of models of another family, so that a bar can stand beside its networks.

    What the words of a command line say of them stays, to be refused.
    """
    model = plain.get("model")
    name, classes = discriminator(get_args(ModelConfig))
    if not isinstance(model, dict) or model.get(name) not in classes:
        return plain
    family = classes[model[name]]
    asked = {word.lstrip("+~").partition("=")[0].removeprefix("model.") for word in words}
    others = {key for kind in classes.values() for key in field_types(kind)} - {*field_types(family)} - asked
    return {**plain, "model": {key: value for key, value in model.items() if key not in others}}


class JobComposer:
    """Composes the jobs of one sweep: files are merged once for each choice of groups, values are set on a copy.

    Merging takes Hydra 0.07 to 0.1 s, checking a job that shares it 0.003 s (measured on two cores). So a job whose
    choices differ from the first job's in several groups is put together from those that differ in one, where each
    of these choices was seen to change its own group alone: a sweep over m by n options takes m + n - 1 merges.
    """

    def __init__(self, loader: ConfigLoader, sweep: DictConfig) -> None:
        """Take what Hydra gives its launchers: the loader, and the config composed without the lists of the sweep."""
        self._loader, self._sweep = loader, sweep
        self._parser = OverridesParser.create(config_loader=loader)
        self._is_group = functools.cache(self._has_options)
        self._merged: dict[tuple[str, ...], DictConfig | ConfigError] = {}
        self._first: tuple[str, ...] = ()
        self._changes_its_group_alone = functools.cache(self._find_whether_confined)

    def __call__(self, overrides: Sequence[str]) -> Config:
        """Compose and check one job.

        Raises ConfigError as `compose_config` does, with the same words.
        """
        choices: list[str] = []
        values: list[Override] = []
        with explained(overrides):
            for word, override in zip(overrides, self._parser.parse_overrides(list(overrides)), strict=True):
                if self._chooses_files(override):
                    choices.append(word)
                else:
                    values.append(override)
            settings = self._choose(tuple(choices))
            _set_values(settings, values)
            return _checked(settings, overrides)

    def _choose(self, choices: tuple[str, ...]) -> DictConfig:
        """Return the settings that files give, as a copy: put together where that is the same as merging the files."""
        self._first = self._first or choices
        steps = self._steps(choices)
        if len(steps) < 2 or not all(self._changes_its_group_alone(*step) for step in steps):
            return _settings(self._merge(choices))
        settings = _settings(self._merge(self._first))
        for group, step in steps:
            settings[group] = self._merge(step)[group]
        return settings

    def _steps(self, choices: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
        """Return the groups in which choices differ from the first job's, each with that job's choices but for it.

        Nothing where they differ in more than the options of top-level groups.
        """
        steps = []
        for place, (before, now) in enumerate(itertools.zip_longest(self._first, choices, fillvalue="")):
            group = before.partition("=")[0]
            if not (_OPTION.fullmatch(before) and _OPTION.fullmatch(now) and now.startswith(f"{group}=")):
                if before != now:
                    return []
            elif before != now:
                steps.append((group, (*self._first[:place], now, *self._first[place + 1 :])))
        return steps

    def _find_whether_confined(self, group: str, choices: tuple[str, ...]) -> bool:
        """Tell whether choices give the first job's settings but for this group; False where they cannot be merged."""
        try:
            both = [_settings(self._merge(these)) for these in (self._first, choices)]
        except ConfigError:
            return False
        first, now = (OmegaConf.to_container(settings, resolve=False) for settings in both)
        return isinstance(first, dict) and isinstance(now, dict) and {**first, group: None} == {**now, group: None}

    def _merge(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._merged:
            try:
                with explained(choices):
                    self._merged[choices] = self._loader.load_sweep_config(self._sweep, list(choices))
            except ConfigError as error:
                self._merged[choices] = error
        merged = self._merged[choices]
        if isinstance(merged, ConfigError):
            raise ConfigError(merged.problems)
        return merged

    def _chooses_files(self, override: Override) -> bool:
        """Tell, by Hydra's own rule, whether an override takes part in the merging; what is refused there does too."""
        if override.is_sweep_override() or override.is_hydra_override():
            return True
        return self._is_group(override.key_or_group) and not isinstance(override.value(), dict)

    def _has_options(self, key: str) -> bool:
        name, own = self._sweep.hydra.job.config_name, list(self._sweep.hydra.overrides.hydra)
        return bool(self._loader.get_group_options(key, None, config_name=name, overrides=own))


def _set_values(settings: DictConfig, values: Sequence[Override]) -> None:
    """Apply overrides of single values in place, with Hydra's rules for =, +, ++ and ~.

    Hydra offers this only together with the merging that takes the time, so it is called by its private name; a test
    holds that both ways agree.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

    OmegaConf.set_struct(settings, True)  # a copy loses the mark by which an unknown key is an error
    ConfigLoaderImpl._apply_overrides_to_config(list(values), settings)


def run_hydra(
    arguments: Sequence[str],
    task: Callable[[DictConfig], Any],
    launcher: type[Launcher],
    searcher: type[Sweeper] = Sweeper,
) -> None:
    """Let Hydra read a command line: its flags, its overrides, one run by `task` or a sweep by `launcher`.

    `searcher` is the sweeper that decides as it goes.

    While it runs, `hydra.sweep.dir` is a temporary folder, so that nothing of Hydra's is left behind.
    Raises ConfigError for what Hydra cannot compose; exceptions of the task pass through.
    """
    register_configs()
    Plugins.instance().class_name_to_class.update({LAUNCHER: launcher, SWEEPER: GridSweeper, SEARCHER: searcher})
    folder = str(resource_folder("conf"))
    entry = hydra.main(version_base=VERSION_BASE, config_path=folder, config_name=CONFIG_NAME)(task)
    before = sys.argv
    sys.argv = ["sentiment-lab train", *arguments]
    try:
        with explained(arguments), TemporaryDirectory(prefix="sentiment-lab-") as scratch:
            OmegaConf.register_new_resolver("scratch", lambda: scratch, replace=True)
            entry()
    finally:
        sys.argv = before


class GridSweeper(Sweeper):  # type: ignore[misc]  # hydra is untyped
    """Hands the launcher every combination of the values that a command line and a study list.

    Hydra's own sweeper does so too, but it composes each job first, which our launcher does anyway. It is no base class
    of this one because Hydra, looking for plugins, runs its module a second time: an earlier subclass would then have
    a base that is no longer Hydra's.
    """

    def __init__(self, max_batch_size: int | None, params: Mapping[str, Any] | None) -> None:
        """Take what stands in the config below `hydra.sweeper`."""
        self._batch_size, self._params = max_batch_size, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives and make the launcher."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Launch all jobs.

        Raises what the launcher raises, and what a job did.
        """
        returns = []
        started = 0
        for batch in self._batches(arguments):
            if self.config.hydra.launcher._target_ != LAUNCHER:  # any other starts jobs before it composed them all
                self.validate_batch_is_legal(batch)
            returns.append(self.launcher.launch(batch, initial_job_idx=started))
            _ = [job.return_value for job in returns[-1]]  # Hydra's way to raise what a job raised
            started += len(batch)
        return returns

    def _batches(self, arguments: list[str]) -> list[list[list[str]]]:
        words = [*(f"{key}={value}" for key, value in self._params.items()), *arguments]
        overrides = OverridesParser.create(self.hydra_context.config_loader).parse_overrides(words)
        batches = list(BasicSweeper.split_arguments(overrides, self._batch_size))
        if not any(batches):
            empty = [one for one in overrides if one.is_sweep_override() and not any(one.sweep_iterator())]
            raise ConfigError([f"{one.key_or_group} must have values to sweep, got {one.input_line}" for one in empty])
        return batches


@contextmanager
def explained(words: Sequence[str] = ()) -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise into a ConfigError that says what was meant by the words they were given."""
    nameless = [word for word in words if word.lstrip("+~ ").startswith("=")]
    if nameless:
        raise ConfigError([f"{word!r} names no setting; write key=value, such as seed=3" for word in nameless])
    try:
        yield
    except MissingConfigException as error:
        raise ConfigError([_unknown_option(error)]) from error
    except OverrideParseException as error:
        raise ConfigError([_unreadable(error)]) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([_not_composed(error)]) from error
    except Exception as error:
        if not _is_hydras(error):
            raise
        raise ConfigError([_unforeseen(error, words)]) from error


def _is_hydras(error: Exception) -> bool:
    """Tell whether an exception that Hydra did not mean to raise rose in what this module calls, and not in a run."""
    if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:  # that one means a key, the others a disk
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    below = list(itertools.takewhile(lambda module: module != __name__, reversed(modules)))
    return bool(below) and all(module.partition(".")[0] in _HYDRAS for module in below)


def _unforeseen(error: Exception, words: Sequence[str]) -> str:
    """Find the word that Hydra stumbled over by what it does not check itself."""
    overrides = [word for word in words if not word.startswith("-")]
    for word in overrides:
        problem = _misshapen(word)
        if problem:
            return problem
    reason = "it is nested without end" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
    return f"{' '.join(overrides)}: cannot be composed: {reason}"


def _misshapen(word: str) -> str:
    key, _, value = word.partition("=")
    name = key.lstrip("+~")
    if name.partition(".")[0] not in {*setting_names(Config), "hydra", "experiments"}:
        return f"{name} is not a setting{did_you_mean(name, setting_names(Config))}"
    try:
        override = OverridesParser.create().parse_override(word)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return f"{name}: the value {value!r} cannot be read: {reason}"
    options = _options(name)
    if options and not isinstance(override.value(), str):
        return f"{name} must be one of {', '.join(options)}, got {value}"
    return ""


def _options(group: str) -> list[str]:
    """Return what a group of `conf/` offers; nothing for a key that is no such group."""
    files = (resource_folder("conf") / group).glob("*.yaml") if group in setting_names(Config) else ()
    return sorted(file.stem for file in files)


def _unknown_option(error: MissingConfigException) -> str:
    if not error.missing_cfg_file or not error.options:
        return str(error).splitlines()[0]
    group, _, option = error.missing_cfg_file.rpartition("/")
    choices = ", ".join(error.options)
    return f"{group} must be one of {choices}, got {option!r}{did_you_mean(option, error.options)}"


def _unreadable(error: OverrideParseException) -> str:
    key, equals, value = error.override.partition("=")
    if not equals:
        return f"{error.override!r} is not an override; write key=value, such as model=gru or seed=3"
    return f"{key}: the value {value!r} cannot be read; put it in quotes: '{key}=\"{value}\"'"


def _not_composed(error: Exception) -> str:
    text = f"{error}\n{error.__cause__ or ''}"
    several = re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.*)'", text)
    if several:
        return f"{several[1]} is more than one value; `sentiment-lab train -m` makes a sweep of them"
    found = re.search(r"Could not override '([^']+)'", text) or re.search(r"full_key: (\S+)", text)
    if not found:
        first, *rest = str(error).splitlines()
        return " ".join([first, *rest[:1]]) if first.endswith(":") else first
    key = found.group(1)
    if "not in struct" in text or "No match" in text:
        known = setting_names(Config)
        if key in known:
            group = key.partition(".")[0]
            return f"{key} is not a setting of the {group} that was chosen; `--cfg job` shows those it has"
        return f"{key} is not a setting{did_you_mean(key, known)}"
    return f"{key}: {str(error.__cause__ or error).splitlines()[0]}"
