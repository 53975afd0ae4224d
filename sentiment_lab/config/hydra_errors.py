"""Exceptions of Hydra and OmegaConf as ConfigErrors that name the setting and the rule."""

from __future__ import annotations

import errno
import itertools
import re
import shlex
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from sentiment_lab.base.suggestions import did_you_mean
from sentiment_lab.config.fields import ConfigError, setting_names
from sentiment_lab.config.resources import resource_folder
from sentiment_lab.config.settings import Config
from sentiment_lab.config.studies import study_problems

CALLERS = frozenset(
    {
        "sentiment_lab.config.compose",
        "sentiment_lab.config.job_composer",
        "sentiment_lab.config.studies",
        "sentiment_lab.sweeps.hydra_app",
    }
)
"""Modules of this package that call Hydra inside `explain_hydra_errors`."""
_HYDRA_PACKAGES = {"hydra", "omegaconf", "antlr4", "yaml", "packaging", *sys.stdlib_module_names}
"""Packages that compose a config, and those that they call."""


@contextmanager
def explain_hydra_errors(overrides: Sequence[str] = ()) -> Iterator[None]:
    """Turn exceptions of Hydra and OmegaConf in the block into a ConfigError about `overrides`.

    Exceptions of our own code, such as those of a task that Hydra runs, pass through. Raises ConfigError at once for an
    override without a key, which Hydra would misread.
    """
    nameless = [word for word in overrides if word.lstrip("+~ ").startswith("=")]
    if nameless:
        raise ConfigError([f"{word!r} names no setting; write key=value, such as seed=3" for word in nameless])
    try:
        yield
    except MissingConfigException as error:
        raise ConfigError(_unknown_option(error)) from error
    except OverrideParseException as error:
        raise ConfigError([_unreadable(error)]) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError([_not_composed(error)]) from error
    except Exception as error:
        if not _raised_by_hydra(error):
            raise
        raise ConfigError([_unexpected(error, overrides)]) from error


def group_options(group: str) -> list[str]:
    """Return the options of a group of `conf/`; an empty list if `group` is no group."""
    files = (resource_folder("conf") / group).glob("*.yaml") if group in setting_names(Config) else ()
    return sorted(file.stem for file in files)


def _raised_by_hydra(error: Exception) -> bool:
    """Whether Hydra, or code that it called, raised an exception that is none of its own classes.

    True if all frames of the traceback between the last one in CALLERS and the raise are of `_HYDRA_PACKAGES`. A frame
    of our code below Hydra, such as a task or a launcher, makes it False.
    """
    if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:  # a key as a file name; others are of the disk
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    below = list(itertools.takewhile(lambda module: module not in CALLERS, reversed(modules)))
    return bool(below) and all(module.partition(".")[0] in _HYDRA_PACKAGES for module in below)


def _unexpected(error: Exception, overrides: Sequence[str]) -> str:
    """Name the override at which Hydra failed without checking it."""
    overrides = [word for word in overrides if not word.startswith("-")]
    for override in overrides:
        problem = _override_problem(override)
        if problem:
            return problem
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
    return f"{' '.join(overrides)}: cannot be composed: {reason}"


def _override_problem(override: str) -> str:
    key, _, value = override.partition("=")
    name = key.lstrip("+~")
    if name.partition(".")[0] not in {*setting_names(Config), "hydra", "experiments"}:
        return f"{name} is not a setting{did_you_mean(name, setting_names(Config))}"
    try:
        parsed = OverridesParser.create().parse_override(override)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return f"{name}: the value {value!r} cannot be read: {reason}"
    options = group_options(name)
    if options and not isinstance(parsed.value(), str):
        return f"{name} must be one of {', '.join(options)}, got {value}"
    return ""


def _unknown_option(error: MissingConfigException) -> list[str]:
    if not error.missing_cfg_file or not error.options:
        return [str(error).splitlines()[0]]
    group, _, option = error.missing_cfg_file.rpartition("/")
    if group == "experiments" and (problems := study_problems(option)):
        return problems
    choices = ", ".join(error.options)
    hint = did_you_mean(option, error.options)
    if group == "hydra/launcher":
        hint = "; launch=pool, launch=ray and launch=slurm run the jobs of a sweep in parallel"
    return [f"{group} must be one of {choices}, got {option!r}{hint}"]


def _unreadable(error: OverrideParseException) -> str:
    key, equals, value = error.override.partition("=")
    if not equals:
        return f"{error.override!r} is not an override; write key=value, such as model=gru or seed=3"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    quoted = shlex.quote(f'{key}="{escaped}"')
    return f"{key}: the value {value!r} cannot be read; put it in quotes: {quoted}"


def _not_composed(error: Exception) -> str:
    text = f"{error}\n{error.__cause__ or ''}"
    several = re.match(r"(?:Ambiguous value for argument|Sweep parameters) '(.*)'", text)
    if several:
        return f"{several[1]} is more than one value; `sentiment-lab train -m` makes a sweep of them"
    named = re.search(r"Could not override '([^']+)'", text) or re.search(r"full_key: (\S+)", text)
    if not named:
        first, *rest = str(error).splitlines()
        return " ".join([first, *rest[:1]]) if first.endswith(":") else first
    key = named.group(1)
    if "not in struct" in text or "No match" in text:
        return _unknown_key(key)
    return f"{key}: {str(error.__cause__ or error).splitlines()[0]}"


def _unknown_key(key: str) -> str:
    known = setting_names(Config)
    if key in known:
        return f"{key} is not a setting of the chosen {key.partition('.')[0]}; `--cfg job` shows its settings"
    return f"{key} is not a setting{did_you_mean(key, known)}"
